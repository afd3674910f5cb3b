//! NP401: a range that holds what some target knows by another name than its address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Endpoint, External, ExternalId, LintLevel, METADATA, WaiveTarget};
use crate::source::Span;

/// Metadata addresses that an agent on the node itself answers at, as an address of the node (cilium/cilium#34387).
/// Others are answered outside of the node.
const ON_THE_NODE: &str = "the EKS Pod Identity agent";

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP401"),
    name: "entity-by-address",
    group: Group::Dialect,
    default: LintLevel::Warning,
    about: "external",
    summary: "an external holds addresses of the API server or of a node, which some dialect knows as entities",
    doc: r#"
For Cilium nodes and the API server are entities, and a rule on addresses does not match what is one of them:
whether `172.16.0.2` is allowed is not asked of the API server, or of an agent on the node, that has this address.
So an edge to such an external allows nothing there, while other dialects let it through: on Cilium operators stop,
and the intent reads as if they could not. (An API server outside of the cluster is matched by its address too, one
that runs on nodes is not, and a managed one may become the other kind.)

Found are externals that hold some of the `api-server-cidrs` of the project file, and those that hold the address of
the EKS Pod Identity agent, which runs on every node. Other addresses of nodes are never part of an external.

To mend it, let the edge name `kube-apiserver`, or `nodes` for the agent: every dialect knows these, each in its own
way. Where the range is meant for its other addresses, take those out with `except`.

```toml
# netpolc.toml
[cluster]
api-server-cidrs = ["203.0.113.8/29"]
```

```toml
# bad
app = "platform"

[tiers]
syncer = { namespace = "platform", pods = { app = "syncer" } }

[external]
control-plane = { cidrs = ["203.0.113.0/24"], ports = [6443] }

[[allow]]
from = "syncer"
to   = "control-plane"
why  = "objects are copied from the API server"
```

```toml
# mended
app = "platform"

[tiers]
syncer = { namespace = "platform", pods = { app = "syncer" } }

[[allow]]
from  = "syncer"
to    = "kube-apiserver"
ports = [6443]
why   = "objects are copied from the API server"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let Some(dialects) = cx.dialects(|target| target.entities) else { return };
    // What no edge leads to allows nothing anywhere.
    let mut used: BTreeMap<ExternalId, Span> = BTreeMap::new();
    for edge in &model.edges {
        if let (Endpoint::Tier(_), Endpoint::External(id)) = (edge.from, edge.to) {
            used.entry(id).or_insert(edge.to_span);
        }
    }
    for (id, span) in used {
        let external = &model[id];
        let api = model.profile.api_server_cidrs.iter().map(|net| (*net, "the API server's", "kube-apiserver"));
        // Without the opt-in NP206 asks first whether the address is meant.
        let agent = METADATA.iter().filter(|(what, _)| *what == ON_THE_NODE && external.metadata);
        let agent = agent.map(|(_, host): &(&str, IpAddr)| (IpNet::from(*host), "an agent's on the node", "nodes"));
        let found = api.chain(agent).find_map(|(net, whose, word)| Some((net, whose, word, place(external, &net)?)));
        let Some((net, whose, word, place)) = found else { continue };
        let message = format!(
            "{} holds {}, {whose}, which is no address but an entity for {dialects}",
            quote(&external.name),
            quote(&net.to_string())
        );
        let finding = findings
            .at(place, message)
            .related(span, "used here")
            .note("rules on addresses do not match an entity that is a node, so the edge allows nothing there")
            .help(format!("let the edge name `{word}`, which every dialect knows"))
            .help(format!("if other addresses are meant, leave it out: `except = [\"{net}\"]`"));
        findings.push(&[WaiveTarget::External(id)], finding);
    }
}

/// Where the range is written that holds some of these addresses, if the external has them.
fn place(external: &External, net: &IpNet) -> Option<Span> {
    let meets = |range: &IpNet| range.contains(net) || net.contains(range);
    external.addresses.overlaps(net).then(|| external.cidrs.iter().find(|range| meets(&range.value)))?.map(|r| r.span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{BY_ADDRESS, BY_NAME, Draft};

    fn draft(cidrs: &str, except: &str) -> Draft {
        let api = |m: &mut crate::model::Model| m.profile.api_server_cidrs = vec!["203.0.113.8/29".parse().unwrap()];
        Draft::new().tiers("web").external("e", cidrs, except).with(api).edge("web -> e", "443/TCP")
    }

    fn messages(draft: Draft) -> Vec<String> {
        draft.check_for(&[BY_ADDRESS, BY_NAME], &RULE).into_iter().map(|found| found.message).collect()
    }

    #[test]
    fn the_api_server_is_found_in_each_range_that_meets_it() {
        let told = "`e` holds `203.0.113.8/29`, the API server's, which is no address but an entity for rich";
        assert_eq!(messages(draft("203.0.113.0/24", "")), [told]);
        assert_eq!(messages(draft("198.51.100.0/24 203.0.113.9/32", "")), [told]);
        assert!(messages(draft("203.0.113.0/29", "")).is_empty());
        assert!(messages(draft("203.0.113.0/24", "203.0.113.8/29")).is_empty());
        assert_eq!(messages(draft("203.0.113.0/24", "203.0.113.8/30")).len(), 1, "a part is left");
    }

    #[test]
    fn so_is_an_agent_on_the_node() {
        let told = "`e` holds `169.254.170.23/32`, an agent's on the node, which is no address but an entity for rich";
        let meant = |cidr: &str| draft(cidr, "").with(|m| m.externals[0].metadata = true);
        assert_eq!(messages(meant("169.254.170.23/32")), [told]);
        assert!(messages(meant("169.254.169.254/32")).is_empty(), "answered outside of the node");
        assert!(messages(draft("169.254.170.23/32", "")).is_empty(), "NP206 asks first");
    }

    #[test]
    fn a_waiver_of_the_external_accepts_it() {
        let waived = |id| draft("203.0.113.0/24", "").waive("NP401", WaiveTarget::External(ExternalId(id)), None);
        assert!(messages(waived(0)).is_empty());
        assert_eq!(messages(waived(1)).len(), 1);
    }

    #[test]
    fn where_addresses_are_all_there_is_nothing_is_found() {
        assert!(draft("203.0.113.0/24", "").check_for(&[BY_ADDRESS], &RULE).is_empty());
        assert!(draft("203.0.113.0/24", "").check(&RULE).is_empty(), "no target, no finding");
        let unused = draft("203.0.113.0/24", "").with(|m| m.edges.clear());
        assert!(messages(unused).is_empty(), "what no edge leads to allows nothing anywhere");
    }
}
