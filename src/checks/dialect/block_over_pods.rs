//! NP405: an address rule that holds the addresses of pods.

use ipnet::IpNet;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Builtin, DnsPeer, Endpoint, LintLevel};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP405"),
    name: "block-over-pods",
    group: Group::Dialect,
    default: LintLevel::Error,
    about: "",
    summary: "addresses of nodes, of the API server or of DNS are addresses of pods too",
    doc: r#"
Where a dialect has no name for nodes and the API server, `nodes` and `kube-apiserver` are the ranges that the
project file gives, and a custom `dns` may give ranges too. If such a range holds addresses of pods, the rule does
too: Calico lets every pod of the range through, other engines none of them. What the intent says of `nodes` would
be true of anybody, or of nobody, so no build passes (NP702); here it is said where it is written. It is easy to get
where pods take their addresses from the subnets of the nodes, as with the VPC CNI of EKS and with flat networks of
other clouds.

Externals are not concerned: the cluster's own ranges are taken out of them.

To mend it, give the narrowest ranges that hold nodes and no pods, as the subnets of the control plane, or give pods
subnets of their own. Edges that need `nodes` only for probes can go: a node may always reach its own pods.

```toml
# netpolc.toml
[cluster]
pod-cidrs  = ["10.0.0.0/16"]
node-cidrs = ["10.0.0.0/16"]
```

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[[allow]]
from = "nodes"
to   = "web"
why  = "node ports lead here"
```

```toml
# netpolc.toml, mended
[cluster]
pod-cidrs  = ["10.0.128.0/17"]
node-cidrs = ["10.0.0.0/20"]
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" }, ports = [8080] }

[[allow]]
from = "nodes"
to   = "web"
why  = "node ports lead here"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let profile = &cx.model.profile;
    let overlap = Overlap { pods: &profile.pod_cidrs };
    if let Some(dialects) = cx.dialects(|target| !target.entities) {
        let nodes = overlap.first(&profile.node_cidrs);
        let api_server = overlap.first(&profile.api_server_cidrs);
        edges(cx, &dialects, nodes, api_server, findings);
    }
    dns(cx, overlap, findings);
}

/// The ranges of pods.
#[derive(Clone, Copy)]
struct Overlap<'m> {
    pods: &'m [IpNet],
}

impl Overlap<'_> {
    /// The range of pods that a range meets.
    fn of(self, net: &IpNet) -> Option<IpNet> {
        self.pods.iter().find(|pods| pods.contains(net) || net.contains(*pods)).copied()
    }

    /// The first range that meets pods, and what it meets.
    fn first(self, nets: &[IpNet]) -> Option<(IpNet, IpNet)> {
        nets.iter().find_map(|net| Some((*net, self.of(net)?)))
    }
}

/// Edges whose built-in end is addresses of pods too.
fn edges(
    cx: &Context<'_>,
    dialects: &str,
    nodes: Option<(IpNet, IpNet)>,
    api_server: Option<(IpNet, IpNet)>,
    findings: &mut Findings,
) {
    for edge in &cx.model.edges {
        for (end, span) in [(edge.from, edge.from_span), (edge.to, edge.to_span)] {
            let (word, key, found) = match end {
                Endpoint::Builtin(word @ Builtin::Nodes) => (word, "node-cidrs", nodes),
                Endpoint::Builtin(word @ Builtin::ApiServer) => (word, "api-server-cidrs", api_server),
                _ => continue,
            };
            let Some((net, pods)) = found else { continue };
            let name = quote(word.name());
            let message = format!("{name} holds addresses of pods in {dialects}: {} meets {}", shown(net), shown(pods));
            let finding = findings
                .at(span, message)
                .note(format!("`{key}` and `pod-cidrs` of the project file share addresses"))
                .note("engines differ in whether a rule on addresses holds pods")
                .help(format!("let the platform team give `{key}` without the pods' addresses"));
            findings.push(&[], finding);
        }
    }
}

/// Addresses of DNS that are those of pods.
fn dns(cx: &Context<'_>, overlap: Overlap<'_>, findings: &mut Findings) {
    let profile = &cx.model.profile;
    let Some(place) = profile.asked.get("dns").filter(|_| cx.model.tiers.iter().any(|tier| tier.dns)) else { return };
    for peer in &profile.dns.peers {
        let DnsPeer::Address(net) = peer else { continue };
        let Some(pods) = overlap.of(net) else { continue };
        let message = format!("{} of `dns` holds addresses of pods: it meets {}", shown(*net), shown(pods));
        let mut finding = findings.at(*place, message);
        if let Some(dialects) = cx.dialects(|target| !target.entities) {
            finding = finding.note(format!("engines of {dialects} differ in whether a rule on addresses holds pods"));
        }
        if let Some(dialects) = cx.dialects(|target| target.entities) {
            finding = finding.note(format!("in {dialects} no rule on addresses holds a pod"));
        }
        let help = "select the DNS pods by `namespace` and `pods`; `cidrs` is for a cache on the host network";
        findings.push(&[], finding.help(help));
    }
}

fn shown(net: IpNet) -> String {
    quote(&net.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{BY_ADDRESS, BY_NAME, Draft};
    use crate::model::Model;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn draft(nodes: &[&str], api: &[&str]) -> Draft {
        Draft::new().tiers("web").with(|m| {
            m.profile.pod_cidrs = nets(&["10.0.0.0/16", "fd00:1::/64"]);
            m.profile.node_cidrs = nets(nodes);
            m.profile.api_server_cidrs = nets(api);
        })
    }

    fn messages(draft: Draft) -> Vec<String> {
        draft.check_for(&[BY_ADDRESS, BY_NAME], &RULE).into_iter().map(|found| found.message).collect()
    }

    #[test]
    fn ranges_that_meet_those_of_pods_are_found_at_each_end() {
        assert_eq!(
            messages(draft(&["192.0.2.0/24", "10.0.4.0/24"], &[]).edges("nodes -> web")),
            ["`nodes` holds addresses of pods in plain: `10.0.4.0/24` meets `10.0.0.0/16`"]
        );
        assert_eq!(
            messages(draft(&[], &["10.0.0.0/8"]).edges("web -> kube-apiserver")),
            ["`kube-apiserver` holds addresses of pods in plain: `10.0.0.0/8` meets `10.0.0.0/16`"]
        );
        assert_eq!(messages(draft(&["fd00:1::/96"], &[]).edges("web -> nodes")).len(), 1);
    }

    #[test]
    fn others_are_not() {
        assert!(
            messages(draft(&["10.1.0.0/16"], &["10.1.0.1/32"]).edges("web -> nodes; web -> kube-apiserver")).is_empty()
        );
        assert!(messages(draft(&["10.0.0.0/16"], &[]).edges("web -> kube-apiserver; web -> anywhere")).is_empty());
        let entities = draft(&["10.0.0.0/16"], &[]).edges("web -> nodes").check_for(&[BY_NAME], &RULE);
        assert!(entities.is_empty(), "entities are no addresses");
    }

    #[test]
    fn addresses_of_dns_are_found_where_they_are_written() {
        let dns = |net: &str| {
            let change = |m: &mut Model| {
                m.profile.dns.peers = vec![DnsPeer::Address(net.parse().unwrap())];
                let span = m.tiers[0].span;
                m.profile.asked.insert("dns", span);
            };
            messages(draft(&[], &[]).with(change))
        };
        assert_eq!(dns("10.0.0.10/32"), ["`10.0.0.10/32` of `dns` holds addresses of pods: it meets `10.0.0.0/16`"]);
        assert!(dns("10.96.0.10/32").is_empty(), "the address of a Service, where a cache answers");
    }

    #[test]
    fn addresses_of_dns_matter_to_those_who_ask_and_engines_take_them_differently() {
        let found = |targets: &[_], asks: bool| {
            let change = |m: &mut Model| {
                m.profile.dns.peers = vec![DnsPeer::Address("10.0.0.10/32".parse().unwrap())];
                let span = m.tiers[0].span;
                m.profile.asked.insert("dns", span);
                m.tiers[0].dns = asks;
            };
            let found = draft(&[], &[]).with(change).check_for(targets, &RULE);
            found.into_iter().flat_map(|found| found.notes).collect::<Vec<_>>()
        };
        let differ = "engines of plain differ in whether a rule on addresses holds pods";
        let none = "in rich no rule on addresses holds a pod";
        assert_eq!(found(&[BY_ADDRESS], true), [differ]);
        assert_eq!(found(&[BY_NAME], true), [none]);
        assert_eq!(found(&[BY_ADDRESS, BY_NAME], true), [differ, none]);
        assert!(found(&[BY_ADDRESS, BY_NAME], false).is_empty(), "no tier asks");
    }
}
