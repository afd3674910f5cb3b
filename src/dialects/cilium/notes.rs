//! What people should know of policies for Cilium beside the proof: what must be true of the agents.
//!
//! In: the model. Out: sentences, in a stable order; none where nothing special is written.

use crate::model::{Edge, Endpoint, Guard, Model};

/// The agent that hands out credentials of EKS Pod Identity runs on the node, and has its address there: what has an
/// address of the node is the node to Cilium, and no block matches that (cilium/cilium#34387).
const POD_IDENTITY: &str = "metadata-deny: where agents of EKS Pod Identity answer at 169.254.170.23 and fd00:ec2::23, these \
                            are addresses of the node, which no rule on addresses matches";

/// All notes.
pub fn notes(model: &Model) -> Vec<String> {
    let mut notes = vec![];
    if model.profile.staged {
        staged(model, &mut notes);
    } else if model.guards().iter().any(|guard| matches!(guard, Guard::MetadataDeny { .. })) {
        notes.push(needs("metadata-deny"));
        notes.push(POD_IDENTITY.to_owned());
    }
    if model.edges().any(|(_, edge)| grouped(model, edge)) {
        notes.push("externals: agents must be 1.18 or later, which serve CiliumCIDRGroups as cilium.io/v2".to_owned());
    }
    notes
}

/// Whether an edge needs a CiliumCIDRGroup. The kind was v2alpha1 alone before (cilium/cilium#38940).
fn grouped(model: &Model, edge: &Edge) -> bool {
    match (edge.from, edge.to) {
        (Endpoint::Tier(_), Endpoint::External(external)) => !model[external].addresses.is_empty(),
        _ => false,
    }
}

/// What staging does not cover.
fn staged(model: &Model, notes: &mut Vec<String>) {
    notes.push(
        "staged: policies are written with `enableDefaultDeny` off, so they deny nothing, and report nothing as denied; \
         for that, leave `staged` out and run the agents in `policy-audit-mode`"
            .to_owned(),
    );
    let http = model.edges.iter().any(|edge| {
        let ours = |end| matches!(end, Endpoint::Tier(_));
        !edge.http.is_empty() && (ours(edge.from) || ours(edge.to))
    });
    let what = match (http, model.guards().is_empty()) {
        (true, false) => Some("HTTP rules and guards"),
        (true, true) => Some("HTTP rules"),
        (false, false) => Some("guards"),
        (false, true) => None,
    };
    if let Some(what) = what {
        notes.push(format!("staged: {what} would be enforced all the same, so they are left out until then"));
    }
    notes.push(needs("staged"));
}

/// Older agents do not know the field, and with the option off it is taken for true (Rule.Sanitize).
fn needs(what: &str) -> String {
    format!(
        "{what}: agents must be 1.16 or later, with `enable-non-default-deny-policies` on, as it is by default; others \
         would deny everything else to the same pods"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    #[test]
    fn groups_of_addresses_need_agents_that_serve_their_version() {
        let told = |to: &str| {
            let draft = Draft::new().tiers("web api").external("cdn", "198.51.100.0/24", "");
            notes(&draft.edge(&format!("web -> {to}"), "443/TCP").model())
        };
        assert!(told("api").is_empty());
        let told = told("cdn");
        assert!(told.len() == 1 && told[0].contains("1.18"), "{told:?}");
    }
}
