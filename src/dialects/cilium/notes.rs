//! What people should know of policies for Cilium beside the proof: what must be true of the agents.
//!
//! In: the model. Out: sentences, in a stable order; none where nothing special is written.

use std::collections::{BTreeMap, HashMap};

use crate::diag::quote;
use crate::dialects::writing::members;
use crate::model::{Edge, Endpoint, ExternalId, Guard, Model, NamespaceSet, PodSet, PortRange, TierId};

/// Entries of the policy map of one pod, unless `bpf-policy-map-max` says otherwise (pkg/defaults, PolicyMapEntries).
const POLICY_MAP: usize = 16_384;

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
    notes.extend(policy_map(model));
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

/// Peers can fill the map of a pod: one entry for each identity, port and direction (bpf/lib/common.h, `policy_key`). A
/// range of addresses is an identity, and so are pods of one namespace that carry the same labels: how many those are
/// is not known here, so this counts one for each namespace that is named.
fn policy_map(model: &Model) -> Option<String> {
    let mut ranges: HashMap<ExternalId, usize> = HashMap::new();
    let mut identities = |peer| match peer {
        Endpoint::External(external) => {
            *ranges.entry(external).or_insert_with(|| members(&model[external].addresses).len())
        }
        Endpoint::Tier(tier) => namespaces(&model[tier].pods),
        Endpoint::Peer(peer) => namespaces(&model[peer].pods),
        Endpoint::Builtin(_) => 1,
    };
    let mut entries: BTreeMap<TierId, usize> = BTreeMap::new();
    for edge in &model.edges {
        let ports: usize = edge.ports.iter().map(|range| prefixes(*range)).sum();
        for (end, peer) in [(edge.from, edge.to), (edge.to, edge.from)] {
            if let Endpoint::Tier(tier) = end {
                *entries.entry(tier).or_default() += identities(peer).saturating_mul(ports);
            }
        }
    }
    let mut full = entries.into_iter().filter(|(_, count)| *count > POLICY_MAP);
    let (tier, count) = full.next()?;
    let others = match full.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(format!(
        "tier {}{others}: peers and addresses take about {count} entries of a pod's policy map, which holds {POLICY_MAP} \
         unless `bpf-policy-map-max` says otherwise",
        quote(&model[tier].name)
    ))
}

/// Namespaces that are named, else one.
fn namespaces(pods: &PodSet) -> usize {
    match &pods.namespaces {
        NamespaceSet::Names(names) => names.len(),
        NamespaceSet::All | NamespaceSet::Labels(_) => 1,
    }
}

/// How many prefixes a range of ports is cut into: one entry each.
fn prefixes(range: PortRange) -> usize {
    if range.is_all() {
        return 1;
    }
    let (mut first, last) = (u32::from(range.first), u32::from(range.last));
    let mut count = 0;
    while first <= last {
        let aligned = 1_u32 << first.trailing_zeros().min(16);
        let mut size = aligned;
        while first + size - 1 > last {
            size /= 2;
        }
        first += size;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;
    use crate::model::Protocol;

    #[test]
    fn a_range_of_ports_is_as_many_entries_as_prefixes() {
        for (first, last, count) in [(80, 80, 1), (8, 15, 1), (8, 16, 2), (1, 6, 4), (8000, 8010, 3), (1, u16::MAX, 1)]
        {
            let range = PortRange::new(Protocol::Tcp, first, last).unwrap();
            assert_eq!(prefixes(range), count, "{first}-{last}");
        }
    }

    #[test]
    fn addresses_that_overflow_a_pods_map_are_told() {
        let ranges: Vec<String> = (0..9_000).map(|n| format!("198.{}.{}.0/25", 20 + n / 256, n % 256)).collect();
        let draft = |ports| {
            let draft = Draft::new().tiers("web").external("cdn", &ranges.join(" "), "");
            draft.edge("web -> cdn", ports).model()
        };
        let of_map =
            |ports| notes(&draft(ports)).into_iter().filter(|note| note.contains("policy map")).collect::<Vec<_>>();
        assert!(of_map("443/TCP").is_empty());
        let notes = of_map("80/TCP 443/TCP");
        assert!(
            notes.len() == 1 && notes[0].starts_with("tier `web`: peers and addresses take about 18000 entries"),
            "{notes:?}"
        );
    }

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

    #[test]
    fn callers_that_overflow_a_hubs_map_are_told() {
        let hub = |callers: usize| {
            let names: Vec<String> = (0..callers).map(|n| format!("c{n}")).collect();
            let draft = Draft::new().tiers("hub").tiers(&names.join(" "));
            names.iter().fold(draft, |draft, name| draft.edge(&format!("{name} -> hub"), "8000-8010/TCP")).model()
        };
        // The range of ports is three prefixes.
        assert!(notes(&hub(5_461)).is_empty());
        let notes = notes(&hub(5_462));
        assert!(
            notes.len() == 1 && notes[0].starts_with("tier `hub`: peers and addresses take about 16386 entries"),
            "{notes:?}"
        );
    }
}
