//! NP101: groups of pods that call each other in a circle.

use std::collections::{HashMap, VecDeque};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{EdgeIndex, NodeIndex};
use petgraph::visit::{EdgeFiltered, EdgeRef};

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, Diagnostic, quote};
use crate::model::{EdgeId, Endpoint, LintLevel, Model, WaiveTarget};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP101"),
    name: "cycle",
    group: Group::Graph,
    default: LintLevel::Error,
    about: "edge",
    summary: "tiers call each other in a circle",
    doc: r#"
In a circle of calls each tier can reach every other one through its neighbours, so whoever breaks into one has a way
to all of them, and none can be started, stopped or throttled alone. Most circles are an edge written the wrong way
round: the direction of an edge is that in which connections are opened, answers need none.

Circles are looked for across apps, over tiers and peers. An edge from a tier to itself is none (see NP103), and no
path leads through `anywhere`, `cluster` or an external. For each group of tiers that reach each other one short
circle is shown; where there are more, they appear once it is mended.

To mend it, turn round or remove one of the edges. If one of them points backwards on purpose, as a callback does,
accept that edge with a waiver: the search then goes on without it, so a waiver silences every circle through this
edge, and no other.

```toml
# bad
app = "shop"

[tiers]
web    = { namespace = "shop", pods = { app = "web" },    ports = [80] }
api    = { namespace = "shop", pods = { app = "api" },    ports = [80] }
worker = { namespace = "shop", pods = { app = "worker" }, ports = [80] }

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"

[[allow]]
from = "api"
to   = "worker"
why  = "orders are handed over"

[[allow]]
from = "worker"
to   = "web"
why  = "pages are refreshed"
```

```toml
# mended
app = "shop"

[tiers]
web    = { namespace = "shop", pods = { app = "web" },    ports = [80] }
api    = { namespace = "shop", pods = { app = "api" },    ports = [80] }
worker = { namespace = "shop", pods = { app = "worker" }, ports = [80] }

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"

[[allow]]
from = "api"
to   = "worker"
why  = "orders are handed over"
```
"#,
    check,
};

/// The most edges of a circle that are shown; a longer one is cut in its middle.
const SHOWN: usize = 24;

/// How many steps are spent on finding a shorter circle in one component. The first circle is always finished.
const BUDGET: usize = 300_000;

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let ids = model.edges().map(|(id, _)| id);
    let accepted: Vec<EdgeId> = ids.filter(|id| findings.accepts(&WaiveTarget::Edge(*id))).collect();
    let mut paths: Vec<Vec<EdgeId>> = vec![];
    if !accepted.is_empty() {
        // An accepted edge that closes a circle is a finding like any other, so that it is counted as waived.
        let whole = Search::new(model, &[]);
        paths.extend(accepted.iter().filter_map(|id| whole.through(*id)));
    }
    let rest = Search::new(model, &accepted);
    paths.extend(rest.components.iter().filter_map(|component| rest.shortest(component)));
    for path in paths {
        let targets: Vec<WaiveTarget> = path.iter().copied().map(WaiveTarget::Edge).collect();
        if let Some(finding) = describe(model, findings, &path) {
            findings.push(&targets, finding);
        }
    }
}

/// The part of the flow graph in which circles are looked for.
struct Search<'a> {
    model: &'a Model,
    /// Which edges are followed, by position.
    follow: Vec<bool>,
    /// Groups of more than one node that all reach each other, each sorted, and sorted by their first node.
    components: Vec<Vec<NodeIndex>>,
    /// The position of each node's component, if it is in one.
    members: Vec<Option<usize>>,
}

impl<'a> Search<'a> {
    fn new(model: &'a Model, left_out: &[EdgeId]) -> Self {
        let group = |end: Endpoint| matches!(end, Endpoint::Tier(_) | Endpoint::Peer(_));
        let edges = model.edges.iter();
        let follow = edges.map(|edge| edge.from != edge.to && group(edge.from) && group(edge.to)).collect();
        let members = vec![None; model.graph.graph.node_count()];
        let mut search = Self { model, follow, components: vec![], members };
        for id in left_out {
            if let Some(follow) = search.follow.get_mut(id.index()) {
                *follow = false;
            }
        }
        search.find_components();
        search
    }

    /// Kosaraju's algorithm, because Tarjan's recurses in petgraph and a long chain would overflow the stack.
    fn find_components(&mut self) {
        let graph = &self.model.graph.graph;
        let followed = EdgeFiltered::from_fn(graph, |edge| self.follows(*edge.weight()));
        let mut components: Vec<Vec<NodeIndex>> = kosaraju_scc(&followed);
        components.retain(|nodes| nodes.len() > 1);
        components.iter_mut().for_each(|nodes| nodes.sort_unstable());
        components.sort_unstable();
        for (position, node) in components.iter().enumerate().flat_map(|(at, nodes)| nodes.iter().map(move |n| (at, n)))
        {
            if let Some(member) = self.members.get_mut(node.index()) {
                *member = Some(position);
            }
        }
        self.components = components;
    }

    fn follows(&self, id: EdgeId) -> bool {
        self.follow.get(id.index()).copied().unwrap_or(false)
    }

    fn component(&self, node: NodeIndex) -> Option<usize> {
        self.members.get(node.index()).copied().flatten()
    }

    /// A shortest circle through an edge, as edges in order.
    fn through(&self, id: EdgeId) -> Option<Vec<EdgeId>> {
        let edge = &self.model[id];
        let (from, to) = (self.model.graph.index(edge.from)?, self.model.graph.index(edge.to)?);
        if !self.follows(id) || self.component(from)? != self.component(to)? {
            return None;
        }
        let back = self.path(to, from, usize::MAX, &mut 0)?;
        Some(std::iter::once(id).chain(back).collect())
    }

    /// The shortest circle of a component, as edges in order; a short one where the component is very large.
    fn shortest(&self, component: &[NodeIndex]) -> Option<Vec<EdgeId>> {
        let mut best: Option<Vec<EdgeId>> = None;
        let mut steps = 0;
        for start in component {
            let limit = best.as_ref().map_or(usize::MAX, |path| path.len() - 1);
            // No circle is shorter than two edges.
            if limit < 2 || steps > BUDGET {
                break;
            }
            if let Some(path) = self.path(*start, *start, limit, &mut steps) {
                best = Some(path);
            }
        }
        best
    }

    /// A shortest path of at least one and at most `limit` edges inside a component, by breadth-first search.
    fn path(&self, start: NodeIndex, goal: NodeIndex, limit: usize, steps: &mut usize) -> Option<Vec<EdgeId>> {
        let graph = &self.model.graph.graph;
        let home = self.component(start);
        // Only looked up, never walked: its order shows nowhere.
        let mut reached: HashMap<NodeIndex, EdgeIndex> = HashMap::new();
        let mut queue = VecDeque::from([(start, 0)]);
        while let Some((node, length)) = queue.pop_front() {
            if length >= limit {
                return None;
            }
            for edge in graph.edges(node).filter(|edge| self.follows(*edge.weight())) {
                *steps += 1;
                let next = edge.target();
                if next == goal {
                    let mut path = vec![*edge.weight()];
                    let mut at = node;
                    while at != start {
                        let back = *reached.get(&at)?;
                        path.push(*graph.edge_weight(back)?);
                        at = graph.edge_endpoints(back)?.0;
                    }
                    path.reverse();
                    return Some(path);
                }
                if next != start && self.component(next) == home && !reached.contains_key(&next) {
                    reached.insert(next, edge.id());
                    queue.push_back((next, length + 1));
                }
            }
        }
        None
    }
}

/// A circle as its author can follow it: from the edge that is written first, with each edge's place.
fn describe(model: &Model, findings: &Findings, path: &[EdgeId]) -> Option<Diagnostic> {
    let (first, _) = path.iter().enumerate().min_by_key(|(_, id)| (model[**id].to_span, **id))?;
    let edges: Vec<EdgeId> = path.iter().cycle().skip(first).take(path.len()).copied().collect();
    let (start, last) = (*edges.first()?, *edges.last()?);
    let app = model[start].app;
    let name = |end: Endpoint| model.endpoint_name(end, app);
    let caller = |id: &EdgeId| name(model[*id].from);
    let calls = |id: EdgeId| format!("{} calls {}", quote(&name(model[id].from)), quote(&name(model[id].to)));

    let cut = edges.len().saturating_sub(SHOWN);
    let head = edges.iter().take(SHOWN - 1);
    let tail = edges.iter().skip(SHOWN - 1 + cut);
    let mut names: Vec<String> = head.clone().map(caller).collect();
    if cut > 0 {
        names.push(format!("… {cut} more …"));
    }
    names.extend(tail.clone().map(caller));
    names.push(caller(&start));

    // Names are checked words of the language and need no escapes; `quote` would cut a circle short.
    let message = format!("cycle: `{}`", names.join(" -> "));
    let mut finding = findings.at(model[start].to_span, message).label(calls(start));
    for id in head.chain(tail).skip(1) {
        finding = finding.related(model[*id].to_span, calls(*id));
    }
    let waiver = format!("`code = \"NP101\"`, `edge = \"{}\"`", model.edge_name(&model[last]));
    Some(
        finding.help("turn round or remove one of these edges").help(format!(
            "if one points backwards on purpose, accept that edge: `[[waive]]` with {waiver} and a reason"
        )),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{Draft, TODAY};

    fn ring(length: usize) -> Draft {
        let draft = (0..length).fold(Draft::new(), |draft, n| draft.tier(&format!("t{n}"), "shop", &format!("n={n}")));
        draft.with(|model| {
            let pattern = Draft::new().tiers("a b").edges("a -> b").model.edges.remove(0);
            for n in 0..length as u32 {
                let to = (n + 1) % length as u32;
                let (from, to) = (Endpoint::Tier(crate::model::TierId(n)), Endpoint::Tier(crate::model::TierId(to)));
                model.edges.push(crate::model::Edge { from, to, ..pattern.clone() });
            }
        })
    }

    #[test]
    fn the_whole_circle_is_shown_from_the_edge_that_is_written_first() {
        let found = Draft::new().tiers("api web worker").edges("web -> api; api -> worker; worker -> web").check(&RULE);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].message, "cycle: `web -> api -> worker -> web`");
        let labels: Vec<&str> = found[0].primary.iter().chain(&found[0].related).map(|l| l.text.as_str()).collect();
        assert_eq!(labels, ["`web` calls `api`", "`api` calls `worker`", "`worker` calls `web`"]);
    }

    #[test]
    fn the_shortest_circle_of_each_component_is_shown() {
        let draft =
            Draft::new().tiers("a b c d x y").edges("a -> b; b -> c; c -> d; d -> a; c -> b; x -> y; y -> x; a -> x");
        assert_eq!(draft.messages(&RULE), ["cycle: `b -> c -> b`", "cycle: `x -> y -> x`"]);
    }

    #[test]
    fn a_shorter_circle_beside_the_first_one_is_found() {
        let draft = Draft::new().tiers("a b c").edges("a -> b; b -> c; c -> a; c -> b");
        assert_eq!(draft.messages(&RULE), ["cycle: `b -> c -> b`"]);
    }

    #[test]
    fn circles_lead_across_apps_and_through_peers() {
        let draft = Draft::new().tiers("web other/api").peer("queue", "mq", "app=mq");
        let draft = draft.edges("web -> other/api; other/api -> queue; queue -> web");
        assert_eq!(draft.messages(&RULE), ["cycle: `web -> other/api -> queue -> web`"]);
    }

    #[test]
    fn self_edges_built_ins_and_externals_close_no_circle() {
        let draft = Draft::new().tiers("web api").external("pay", "8.8.8.0/24", "");
        let draft = draft.edges(
            "web -> web; web -> api; api -> anywhere; anywhere -> web; api -> cluster; cluster -> web; api -> pay",
        );
        assert!(draft.messages(&RULE).is_empty());
    }

    #[test]
    fn a_waived_edge_is_left_out_of_the_search() {
        let draft = Draft::new().tiers("a b c").edges("a -> b; b -> a; b -> c; c -> b");
        let outcome = draft.waive("NP101", WaiveTarget::Edge(EdgeId(1)), Some(TODAY)).run();
        let told = outcome.diagnostics.iter().filter(|d| d.code == RULE.code).map(|d| d.message.as_str());
        assert_eq!(told.collect::<Vec<_>>(), ["cycle: `b -> c -> b`"]);
        assert_eq!(outcome.waived.len(), 1);
        assert_eq!(outcome.waived[0].diagnostic.message, "cycle: `a -> b -> a`");
    }

    #[test]
    fn an_expired_waiver_leaves_the_edge_in() {
        let draft = Draft::new().tiers("a b").edges("a -> b; b -> a");
        let draft = draft.waive("NP101", WaiveTarget::Edge(EdgeId(1)), Some(TODAY.yesterday().unwrap()));
        assert_eq!(draft.messages(&RULE), ["cycle: `a -> b -> a`"]);
    }

    #[test]
    fn one_of_two_parallel_edges_still_closes_the_circle() {
        let draft = Draft::new().tiers("a b").edges("a -> b; b -> a").edge("b -> a", "81/TCP");
        assert_eq!(draft.waive("NP101", WaiveTarget::Edge(EdgeId(1)), None).messages(&RULE).len(), 1);
    }

    #[test]
    fn a_ring_of_forty_thousand_tiers_ends_and_is_cut_in_its_middle() {
        let found = ring(40_000).with(|m| m.profile.lints.extend([("NP301".into(), LintLevel::Allow)])).check(&RULE);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("t22 -> … 39976 more … -> t39999 -> t0`"), "{}", found[0].message);
        assert_eq!(found[0].related.len(), SHOWN - 1);
    }
}
