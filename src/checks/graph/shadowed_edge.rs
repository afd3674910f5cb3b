//! NP104: an edge that other edges already hold.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, Diagnostic, quote};
use crate::model::address::overlap;
use crate::model::{
    Builtin, Cidrs, Direction, Edge, EdgeId, Endpoint, External, ExternalId, HttpRule, LintLevel, Model, PortRange,
    TierId, WaiveTarget,
};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP104"),
    name: "shadowed-edge",
    group: Group::Graph,
    default: LintLevel::Warning,
    about: "edge",
    summary: "an edge adds nothing to what other edges allow",
    doc: r#"
Edges add up. An edge between the same ends on fewer ports than another one, or from a peer to a tier that is open to
`anywhere`, allows nothing new. It reads like a limit and is none; and who removes it, to take a permission away,
takes nothing away.

An edge between two tiers has two halves: what the caller may send and what the callee may receive. It is found only
when other edges hold both. `anywhere -> api` alone does not hold `web -> api`: `web` still needs to be let out.

HTTP rules are found the same way: an edge with `http` is void on each port that an edge without `http` opens for the
same connections, because then every request passes.

To mend it, remove the edge that adds nothing, or narrow the other one if less was meant.

```toml
# bad
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" } }

[[allow]]
from  = "web"
to    = "api"
ports = ["8080-8090"]
why   = "the shop front calls the API"

[[allow]]
from  = "web"
to    = "api"
ports = [8080]
why   = "health of the API"
```

```toml
# mended
app = "shop"

[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" } }

[[allow]]
from  = "web"
to    = "api"
ports = ["8080-8090"]
why   = "the shop front calls the API, and asks for its health"
```
"#,
    check,
};

/// One side of an edge: whose permission, which way, and the other end.
type Half = (TierId, Direction, Endpoint);

/// The sides of an edge that are rendered.
fn halves(edge: &Edge) -> impl Iterator<Item = Half> {
    let side = |end, direction, other| match end {
        Endpoint::Tier(tier) => Some((tier, direction, other)),
        _ => None,
    };
    let sides = [side(edge.from, Direction::Egress, edge.to), side(edge.to, Direction::Ingress, edge.from)];
    sides.into_iter().flatten()
}

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let rivals = Rivals::new(model);
    let held = Held::new(model);
    for (id, edge) in model.edges() {
        if !halves(edge).all(|half| rivals.possible(id, half)) {
            continue;
        }
        let candidates: Vec<Vec<EdgeId>> = halves(edge)
            .map(|(tier, direction, other)| {
                let wider = held.wider(other).map(|end| (tier, direction, end));
                wider.flat_map(|half| rivals.of(half)).copied().filter(|rival| *rival != id).collect()
            })
            .collect();
        if candidates.is_empty() || candidates.iter().any(Vec::is_empty) {
            continue;
        }
        let holders: Option<Vec<EdgeId>> =
            candidates.iter().map(|list| list.iter().copied().find(|other| holds(&model[*other], edge))).collect();
        if let Some(holders) = holders {
            let name = format!("{} on {}", quote(&model.edge_name(edge)), ports(&edge.ports));
            let finding = findings.at(edge.to_span, format!("{name} adds nothing to other edges"));
            let finding = point(model, edge, finding, &holders, "allows it already");
            let help = "remove this edge, or narrow the other if less is meant";
            findings.push(&[WaiveTarget::Edge(id)], finding.help(help));
        } else if let (false, Some((void, holders))) = (edge.http.is_empty(), swallowed(model, edge, &candidates)) {
            let span = edge.http_span.unwrap_or(edge.to_span);
            let name = quote(&model.edge_name(edge));
            let finding = findings.at(span, format!("the HTTP rules of {name} have no effect on {}", ports(&void)));
            let finding = point(model, edge, finding, &holders, "lets every request pass there");
            let help = "remove the port from the other edge, or the HTTP rules from this one";
            findings.push(&[WaiveTarget::Edge(id)], finding.help(help));
        }
    }
}

/// The edges that can hold another: those that share both ends with one, and those with a built-in. In a large project
/// they are few, and most edges are done with after a glance.
struct Rivals {
    /// Whether another edge has the same ends; by position.
    twins: Vec<bool>,
    /// Sides with an edge to or from a built-in.
    open: BTreeSet<(TierId, Direction)>,
    by_half: BTreeMap<Half, Vec<EdgeId>>,
}

impl Rivals {
    fn new(model: &Model) -> Self {
        let mut ends: Vec<(Endpoint, Endpoint, EdgeId)> = model.edges().map(|(id, e)| (e.from, e.to, id)).collect();
        ends.sort_unstable();
        let mut twins = vec![false; model.edges.len()];
        for group in ends.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|group| group.len() > 1) {
            for (_, _, id) in group {
                if let Some(twin) = twins.get_mut(id.index()) {
                    *twin = true;
                }
            }
        }
        let mut rivals = Self { twins, open: BTreeSet::new(), by_half: BTreeMap::new() };
        for (id, edge) in model.edges() {
            for half in halves(edge) {
                let open = matches!(half.2, Endpoint::Builtin(_));
                if open {
                    rivals.open.insert((half.0, half.1));
                }
                if open || rivals.has_twin(id) {
                    rivals.by_half.entry(half).or_default().push(id);
                }
            }
        }
        rivals
    }

    fn has_twin(&self, id: EdgeId) -> bool {
        self.twins.get(id.index()).copied().unwrap_or(false)
    }

    /// Whether a side of an edge may be held by others.
    fn possible(&self, id: EdgeId, (tier, direction, _): Half) -> bool {
        self.has_twin(id) || self.open.contains(&(tier, direction))
    }

    fn of(&self, half: Half) -> &[EdgeId] {
        self.by_half.get(&half).map_or(&[], Vec::as_slice)
    }
}

/// Which built-ins hold which externals; by position.
struct Held {
    by_internet: Vec<bool>,
    by_anywhere: Vec<bool>,
}

impl Held {
    /// Nothing is known of the addresses behind a host name, so no built-in holds an external with names. As a
    /// destination `anywhere` leaves metadata addresses out.
    fn new(model: &Model) -> Self {
        let (internet, anywhere) = (model.profile.internet(), model.profile.everywhere());
        let within = |external: &External, whole: &Cidrs| {
            let held = |cidr: &IpNet| {
                let mut home = whole.blocks.iter().filter(|block| block.cidr.contains(cidr));
                home.any(|block| !block.except.iter().any(|except| overlap(except, cidr)))
            };
            external.fqdns.is_empty() && external.addresses.blocks.iter().all(|block| held(&block.cidr))
        };
        Self {
            by_internet: model.externals.iter().map(|external| within(external, &internet)).collect(),
            by_anywhere: model.externals.iter().map(|external| within(external, &anywhere)).collect(),
        }
    }

    /// Ends that hold an end, itself first.
    fn wider(&self, end: Endpoint) -> impl Iterator<Item = Endpoint> {
        use Builtin::{Anywhere, Cluster, Internet};
        let is = |list: &[bool], id: ExternalId| list.get(id.index()).copied().unwrap_or(false);
        let (cluster, internet, anywhere) = match end {
            Endpoint::Tier(_) | Endpoint::Peer(_) => (true, false, true),
            Endpoint::External(id) => (false, is(&self.by_internet, id), is(&self.by_anywhere, id)),
            Endpoint::Builtin(word) => (false, false, word != Anywhere),
        };
        let also = [(cluster, Cluster), (internet, Internet), (anywhere, Anywhere)];
        let also = also.into_iter().filter_map(|(holds, word)| holds.then_some(Endpoint::Builtin(word)));
        std::iter::once(end).chain(also)
    }
}

/// Whether one edge allows all that another does, its ends apart. Of two that say the same, as two apps may, neither
/// adds less than the other.
fn holds(wide: &Edge, narrow: &Edge) -> bool {
    let same =
        wide.ports == narrow.ports && wide.http == narrow.http && (wide.from, wide.to) == (narrow.from, narrow.to);
    let requests = wide.http.is_empty()
        || (!narrow.http.is_empty() && narrow.http.iter().all(|rule| wide.http.iter().any(|w| admits(w, rule))));
    !same && requests && narrow.ports.iter().all(|range| covers(&wide.ports, *range))
}

fn admits(wide: &HttpRule, narrow: &HttpRule) -> bool {
    let method = wide.method.is_none() || wide.method == narrow.method;
    let headers = wide.headers.iter().all(|header| narrow.headers.contains(header));
    method && headers && (wide.path.is_none() || wide.path == narrow.path)
}

/// Whether sorted ranges hold a range between them.
fn covers(ranges: &[PortRange], range: PortRange) -> bool {
    let mut next = range.first;
    for part in ranges.iter().filter(|part| part.protocol == range.protocol) {
        if part.first <= next && next <= part.last {
            match part.last.checked_add(1).filter(|after| *after <= range.last) {
                Some(after) => next = after,
                None => return true,
            }
        }
    }
    false
}

/// What two lists of ranges share.
fn shared(a: &[PortRange], b: &[PortRange]) -> Vec<PortRange> {
    let pairs = a.iter().flat_map(|x| b.iter().map(move |y| (x, y))).filter(|(x, y)| x.overlaps(**y));
    pairs.filter_map(|(x, y)| PortRange::new(x.protocol, x.first.max(y.first), x.last.min(y.last))).collect()
}

/// The ports on which each side of an edge with HTTP rules is open to any request, and the edges that open them.
fn swallowed(model: &Model, edge: &Edge, candidates: &[Vec<EdgeId>]) -> Option<(Vec<PortRange>, Vec<EdgeId>)> {
    let mut void = edge.ports.to_vec();
    let mut holders = vec![];
    for list in candidates {
        let plain: Vec<EdgeId> = list
            .iter()
            .copied()
            .filter(|id| model[*id].http.is_empty() && !shared(&void, &model[*id].ports).is_empty())
            .collect();
        let open = PortRange::normalize(plain.iter().flat_map(|id| model[*id].ports.iter().copied()).collect());
        void = shared(&void, &open);
        holders.extend(plain);
    }
    (!void.is_empty()).then_some((void, holders))
}

/// The places of the edges that hold another; each once.
fn point(model: &Model, edge: &Edge, mut finding: Diagnostic, holders: &[EdgeId], words: &str) -> Diagnostic {
    let mut holders = holders.to_vec();
    holders.sort_unstable();
    holders.dedup();
    for id in holders.into_iter().take(3) {
        let holder = &model[id];
        let from = model.endpoint_name(holder.from, edge.app);
        let name = quote(&format!("{from} -> {}", model.endpoint_name(holder.to, edge.app)));
        finding = finding.related(holder.to_span, format!("{name} {words}"));
    }
    finding
}

fn ports(ranges: &[PortRange]) -> String {
    let shown: Vec<String> = ranges.iter().map(PortRange::to_string).collect();
    quote(&shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::Draft;

    fn base() -> Draft {
        Draft::new().tiers("api web").peer("gateway", "edge", "app=gw").external("pay", "8.8.8.0/24", "")
    }

    fn any_get() -> HttpRule {
        HttpRule { method: Some("GET".into()), path: None, headers: vec![] }
    }

    fn get(draft: Draft, edges: &[usize]) -> Draft {
        draft.with(|m| edges.iter().for_each(|at| m.edges[*at].http = vec![any_get()]))
    }

    #[test]
    fn fewer_ports_between_the_same_ends_are_held() {
        let draft =
            base().edge("web -> api", "8080-8090/TCP").edge("web -> api", "8080/TCP").edge("web -> api", "8080/UDP");
        assert_eq!(draft.messages(&RULE), ["`web -> api` on `8080/TCP` adds nothing to other edges"]);
        let neighbours = base().edge("web -> api", "80/TCP 81/TCP 82-90/TCP").edge("web -> api", "81-85/TCP");
        assert_eq!(neighbours.messages(&RULE).len(), 1);
        assert!(base().edge("web -> api", "80-90/TCP").edge("web -> api", "85-95/TCP").messages(&RULE).is_empty());
    }

    #[test]
    fn a_rule_with_more_headers_is_held_by_one_with_fewer() {
        let tenant = |value: &str| HttpRule { headers: vec![("x-tenant".into(), value.into())], ..any_get() };
        let pair = |wide: HttpRule, narrow: HttpRule| {
            let draft = base().edge("web -> api", "80/TCP").edge("web -> api", "80/TCP");
            draft.with(|m| (m.edges[0].http, m.edges[1].http) = (vec![wide], vec![narrow])).messages(&RULE).len()
        };
        assert_eq!(pair(any_get(), tenant("blue")), 1);
        assert_eq!(pair(tenant("blue"), tenant("red")), 0);
    }

    #[test]
    fn an_edge_between_tiers_is_held_only_when_both_of_its_halves_are() {
        assert!(base().edges("anywhere -> api; web -> api").messages(&RULE).is_empty());
        let both = base().edges("anywhere -> api; web -> anywhere; web -> api").check(&RULE);
        assert_eq!(both.len(), 1);
        let labels: Vec<&str> = both[0].related.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(labels, ["`anywhere -> api` allows it already", "`web -> anywhere` allows it already"]);
    }

    #[test]
    fn built_ins_hold_peers_externals_and_each_other() {
        for edges in [
            "anywhere -> api; gateway -> api",
            "cluster -> api; gateway -> api",
            "anywhere -> api; cluster -> api",
            "anywhere -> api; internet -> api",
            "web -> internet; web -> pay",
            "web -> anywhere; web -> internet",
        ] {
            assert_eq!(base().edges(edges).messages(&RULE).len(), 1, "{edges}");
        }
        for edges in ["internet -> api; gateway -> api", "web -> cluster; web -> pay", "web -> pay; web -> gateway"] {
            assert!(base().edges(edges).messages(&RULE).is_empty(), "{edges}");
        }
    }

    #[test]
    fn names_and_what_a_built_in_leaves_out_are_not_held() {
        let edges = "web -> internet; web -> anywhere; web -> ext";
        let draft = |cidrs| Draft::new().tiers("web").external("ext", cidrs, "").edges(edges);
        let about = |draft: Draft| draft.messages(&RULE).iter().filter(|m| m.contains("web -> ext")).count();
        assert_eq!(about(draft("8.8.8.0/24")), 1);
        assert_eq!(about(draft("10.0.0.0/8")), 1, "`anywhere` holds private ranges");
        assert_eq!(about(draft("169.254.0.0/16")), 0);
        let place = |m: &Model| m.externals[0].span;
        let named = draft("8.8.8.0/24").with(|m| {
            m.externals[0].fqdns = vec![crate::source::Spanned::new("api.example.com".into(), place(m))];
        });
        assert_eq!(about(named), 0);
    }

    #[test]
    fn a_plain_edge_makes_http_rules_void() {
        let whole = get(base().edge("web -> api", "80-81/TCP").edge("web -> api", "80/TCP"), &[1]);
        assert_eq!(whole.messages(&RULE), ["`web -> api` on `80/TCP` adds nothing to other edges"]);
        let part = get(base().edge("web -> api", "80/TCP").edge("web -> api", "80/TCP 82/TCP"), &[1]);
        assert_eq!(part.messages(&RULE), ["the HTTP rules of `web -> api` have no effect on `80/TCP`"]);
        let one_half = get(base().edge("anywhere -> api", "80/TCP").edge("web -> api", "80/TCP"), &[1]);
        assert!(one_half.messages(&RULE).is_empty(), "the caller's half still holds");
    }

    #[test]
    fn http_rules_do_not_hold_a_plain_edge() {
        let draft = get(base().edge("web -> api", "80-90/TCP").edge("web -> api", "85/TCP"), &[0]);
        assert_eq!(draft.messages(&RULE), ["the HTTP rules of `web -> api` have no effect on `85/TCP`"]);
    }

    #[test]
    fn two_apps_may_say_the_same() {
        assert!(base().edges("web -> api; web -> api").messages(&RULE).is_empty());
    }
}
