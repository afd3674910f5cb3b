//! NP404: a pod whose policies do not fit into the table of its engine.

use std::collections::{HashMap, HashSet};

use crate::checks::{Context, Findings, Group, Rule, Target};
use crate::diag::{Code, quote};
use crate::model::{
    Direction, ExternalId, Grant, GrantIndex, Labels, LintLevel, Model, NamespaceSet, Origin, PeerSet, PodSet,
    PortRange, Subject, TierId, WaiveTarget,
};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP404"),
    name: "policy-map-pressure",
    group: Group::Dialect,
    default: LintLevel::Warning,
    about: "tier",
    summary: "what a tier's pods may do fills half of the table that some engine has for a pod, or more",
    doc: r#"
Cilium keeps what a pod may do in a map of 16,384 entries (`bpf-policy-map-max`): one for each identity, port and
direction. A range of addresses is an identity, an exception cuts its range into many, and pods of one namespace
with the same labels are one; a range of ports takes an entry for each power of two that it is made of. When the map
is full, further entries are left out: connections that the policy allows are dropped, those of today or, after the
next pod, others.

The estimate counts what is certain: ranges as they are written to the policies, one identity for each namespace of
a group of pods, one address for each host name. Clusters have more, as each set of labels is an identity of its own
and names have many addresses, so the finding comes from half of the map on, and says what takes most of it.

To mend it, name fewer ranges or ports: the destination's own ranges instead of `anywhere` or of a whole cloud,
ranges of ports that begin and end at powers of two, one range without exceptions instead of its parts. The platform
team can also make the map larger; it costs memory for every pod.

```toml
# bad
app = "shop"

[tiers]
mirror = { namespace = "shop", pods = { app = "mirror" } }

[[allow]]
from  = "mirror"
to    = "anywhere"
ports = ["8001-8998", "9001-9998", "10001-10998"]
why   = "mirrors listen on these ports"
```

```toml
# mended
app = "shop"

[tiers]
mirror = { namespace = "shop", pods = { app = "mirror" } }

[external]
mirrors = { cidrs = ["203.0.113.0/24", "198.51.100.0/25"], ports = ["8001-8998", "9001-9998", "10001-10998"] }

[[allow]]
from = "mirror"
to   = "mirrors"
why  = "mirrors listen on these ports"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let limit = |target: &Target| target.table.map(|table| table.entries);
    let Some(least) = cx.targets.iter().filter_map(limit).min() else { return };
    if most(model).saturating_mul(2) < least {
        return;
    }
    let grants = model.grants();
    let mut needs: Vec<(TierId, Need)> = vec![];
    for (subject, need) in needs_of(model, &grants) {
        if need.entries.saturating_mul(2) >= least {
            needs.push((owner(model, subject, &need), need));
        }
    }
    // A tier in several namespaces is as many subjects, and each has its pods' own table.
    needs.sort_by_key(|(tier, need)| (*tier, std::cmp::Reverse(need.entries)));
    needs.dedup_by_key(|(tier, _)| *tier);
    for (id, need) in needs {
        for target in cx.targets {
            let Some(table) = target.table.filter(|table| need.entries.saturating_mul(2) >= table.entries) else {
                continue;
            };
            let message = format!(
                "a pod of {} needs about {} entries of {}'s policy map, which holds {}",
                quote(&model[id].name),
                need.entries,
                target.dialect,
                table.entries
            );
            let (origin, most) = need.most;
            let about = match need.entries > table.entries {
                true => "what does not fit is dropped, though it is allowed",
                false => "each further set of labels among the peers takes entries too",
            };
            let finding = findings
                .at(model[id].span, message)
                .related(model.origin_span(origin), format!("{most} of them: {}", model.origin_name(origin)))
                .note(about)
                .help("name fewer ranges or ports, or ranges of ports that begin and end at powers of two")
                .help(format!("or let the platform team set `{}` to more", table.setting));
            findings.push(&[WaiveTarget::Tier(id)], finding);
        }
    }
}

/// No pods need more: what is named twice, or needs no entry, is counted all the same.
fn most(model: &Model) -> usize {
    let (index, mut identities) = (GrantIndex::new(model), Identities::new(model));
    let mut most = 0;
    let mut needs: HashMap<&Labels, usize> = HashMap::new();
    for namespace in model.namespaces.keys() {
        needs.clear();
        for given in index.of(namespace) {
            let ports: usize = given.ports.iter().map(|range| prefixes(*range)).sum();
            let entries = identities.of(given.peer).saturating_mul(ports);
            let need = needs.entry(given.labels).or_default();
            *need = need.saturating_add(entries);
        }
        most = needs.values().copied().max().unwrap_or_default().max(most);
    }
    most
}

/// What some pods need at least.
#[derive(Debug, Clone, Copy)]
struct Need {
    entries: usize,
    /// What takes most of it, and how much.
    most: (Origin, usize),
}

fn needs_of<'g>(model: &Model, grants: &'g [Grant]) -> Vec<(&'g Subject, Need)> {
    let mut identities = Identities::new(model);
    // What any peer may do needs no entry for one of them.
    let mut anyone: HashMap<(&Subject, Direction), Vec<PortRange>> = HashMap::new();
    for grant in grants.iter().filter(|grant| grant.peer == PeerSet::Anyone) {
        anyone.entry((&grant.subject, grant.direction)).or_default().extend(grant.ports.iter());
    }
    let idle = |grant: &Grant, range: &PortRange| {
        let open = anyone.get(&(&grant.subject, grant.direction)).into_iter().flatten();
        grant.peer != PeerSet::Anyone && open.into_iter().any(|open| open.holds(*range))
    };
    // The same peer on the same ports is one entry, whoever asks for it.
    let mut seen: HashSet<(&Subject, Direction, &PeerSet, &[PortRange])> = HashSet::new();
    let mut place: HashMap<&Subject, usize> = HashMap::new();
    let mut needs: Vec<(&Subject, Need)> = vec![];
    for grant in grants {
        if !seen.insert((&grant.subject, grant.direction, &grant.peer, &grant.ports)) {
            continue;
        }
        let ports: usize = grant.ports.iter().filter(|range| !idle(grant, range)).map(|range| prefixes(*range)).sum();
        let entries = identities.of(grant.peer.borrowed()).saturating_mul(ports);
        let at = *place.entry(&grant.subject).or_insert_with(|| {
            needs.push((&grant.subject, Need { entries: 0, most: (grant.origin, 0) }));
            needs.len() - 1
        });
        let Some((_, need)) = needs.get_mut(at) else { continue };
        need.entries = need.entries.saturating_add(entries);
        if entries > need.most.1 {
            need.most = (grant.origin, entries);
        }
    }
    needs
}

/// The tier that a finding names: one whose pods these are, else the one that asks for most. Scrapers are pods that
/// no tier need be.
fn owner(model: &Model, subject: &Subject, need: &Need) -> TierId {
    let is = |pods: &PodSet| pods.labels == subject.labels && pods.namespaces.names().contains(&subject.namespace);
    let own = model.tiers().find(|(_, tier)| is(&tier.pods)).map(|(id, _)| id);
    own.unwrap_or(match need.most.0 {
        Origin::Edge(edge) => match model[edge].from {
            crate::model::Endpoint::Tier(tier) => tier,
            _ => TierId(0),
        },
        Origin::Dns(tier) | Origin::Metrics(tier) | Origin::Scraper(tier) => tier,
    })
}

/// How many identities a peer is, at least.
struct Identities<'m> {
    model: &'m Model,
    externals: HashMap<ExternalId, usize>,
    internet: Option<usize>,
    everywhere: Option<usize>,
}

impl<'m> Identities<'m> {
    fn new(model: &'m Model) -> Self {
        Self { model, externals: HashMap::new(), internet: None, everywhere: None }
    }

    fn of(&mut self, peer: PeerSet<&PodSet>) -> usize {
        let model = self.model;
        match peer {
            // Any identity at all is an entry of its own.
            PeerSet::Anyone | PeerSet::ApiServer | PeerSet::Dns(_) => 1,
            PeerSet::Nodes => 2,
            PeerSet::Pods(pods) => self.pods(pods),
            PeerSet::AllPods => self.namespaces(),
            PeerSet::Internet => *self.internet.get_or_insert_with(|| model.profile.internet().prefixes().len()),
            PeerSet::Everywhere => {
                let pods = self.namespaces();
                pods + *self.everywhere.get_or_insert_with(|| model.profile.everywhere().prefixes().len())
            }
            PeerSet::External(id) => *self.externals.entry(id).or_insert_with(|| {
                let external = &model[id];
                external.addresses.prefixes().len() + external.fqdns.len()
            }),
        }
    }

    fn pods(&self, pods: &PodSet) -> usize {
        match &pods.namespaces {
            NamespaceSet::Names(names) => names.len(),
            NamespaceSet::All if pods.labels.is_empty() => self.namespaces(),
            NamespaceSet::All | NamespaceSet::Labels(_) => 1,
        }
    }

    /// The namespace is part of an identity.
    fn namespaces(&self) -> usize {
        self.model.namespaces.len().max(1)
    }
}

/// How many prefixes a range of ports is cut into.
fn prefixes(range: PortRange) -> usize {
    if range.is_all() {
        return 1;
    }
    let (mut first, last) = (u32::from(range.first), u32::from(range.last));
    let mut count = 0;
    while first <= last {
        let mut size = 1_u32 << first.trailing_zeros().min(16);
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
    use crate::checks::PolicyTable;
    use crate::checks::testing::{BY_ADDRESS, BY_NAME, Draft};
    use crate::model::Protocol;
    use crate::source::Spanned;

    /// Messages where the table has 100 entries.
    fn messages(draft: Draft) -> Vec<String> {
        draft.check_for(&[BY_ADDRESS, BY_NAME], &RULE).into_iter().map(|found| found.message).collect()
    }

    /// `count` ranges that cannot be merged.
    fn ranges(count: usize) -> String {
        (0..count).map(|n| format!("203.0.{n}.0/25")).collect::<Vec<_>>().join(" ")
    }

    /// A tier that calls as many ranges; DNS takes two entries beside them.
    fn caller(count: usize, ports: &str) -> Draft {
        Draft::new().tiers("web").external("cdn", &ranges(count), "").edge("web -> cdn", ports)
    }

    #[test]
    fn a_range_of_ports_is_as_many_entries_as_prefixes() {
        for (first, last, count) in
            [(80, 80, 1), (8, 15, 1), (8, 16, 2), (1, 6, 4), (8000, 8010, 3), (1, u16::MAX, 1), (2, u16::MAX, 15)]
        {
            let range = PortRange::new(Protocol::Tcp, first, last).unwrap();
            assert_eq!(prefixes(range), count, "{first}-{last}");
        }
    }

    #[test]
    fn half_of_the_table_is_the_bound() {
        assert!(messages(caller(47, "443/TCP")).is_empty());
        let told = "a pod of `web` needs about 50 entries of rich's policy map, which holds 100";
        assert_eq!(messages(caller(48, "443/TCP")), [told]);
        assert_eq!(messages(caller(24, "80/TCP 443/TCP")), [told], "each port counts");
        assert_eq!(messages(caller(16, "8000-8010/TCP")), [told], "the range of ports is three prefixes");
        assert!(caller(100, "443/TCP").check_for(&[BY_ADDRESS], &RULE).is_empty(), "no table, no bound");
    }

    #[test]
    fn what_takes_most_is_shown() {
        let found = caller(99, "443/TCP").tiers("api").edges("web -> api").check_for(&[BY_NAME], &RULE);
        assert_eq!(found[0].message, "a pod of `web` needs about 102 entries of rich's policy map, which holds 100");
        assert_eq!(found[0].related[0].text, "99 of them: web -> cdn");
        assert_eq!(found[0].notes, ["what does not fit is dropped, though it is allowed"]);
        assert!(found[0].help[1].contains("`table-max`"));
    }

    #[test]
    fn exceptions_cut_ranges_and_callers_add_up() {
        // 128 - 64 prefixes are left of a /64 without one address.
        let cut = Draft::new().tiers("web").external("v6", "2001:db8::/64", "2001:db8::1/128").edges("web -> v6");
        assert_eq!(messages(cut), ["a pod of `web` needs about 66 entries of rich's policy map, which holds 100"]);
        let names: Vec<String> = (0..60).map(|n| format!("c{n}")).collect();
        let hub = Draft::new().tiers("hub").tiers(&names.join(" "));
        let hub = names.iter().fold(hub, |draft, name| draft.edge(&format!("{name} -> hub"), "80/TCP"));
        assert_eq!(messages(hub), ["a pod of `hub` needs about 62 entries of rich's policy map, which holds 100"]);
    }

    #[test]
    fn nodes_are_two_peers_and_each_host_name_is_one() {
        assert!(messages(caller(45, "443/TCP").edge("web -> nodes", "443/TCP")).is_empty());
        assert_eq!(messages(caller(46, "443/TCP").edge("web -> nodes", "443/TCP")).len(), 1);
        let named = |count: usize| {
            caller(40, "443/TCP").with(|m| {
                let span = m.externals[0].span;
                let hosts = (0..count).map(|n| Spanned::new(format!("h{n}.example.com").into(), span));
                m.externals[0].fqdns = hosts.collect();
            })
        };
        assert!(messages(named(7)).is_empty());
        assert_eq!(messages(named(8)).len(), 1);
    }

    #[test]
    fn a_callee_is_told_where_its_callers_take_most() {
        let names: Vec<String> = (0..20).map(|n| format!("c{n}")).collect();
        let hub = Draft::new().tiers(&names.join(" ")).tiers("hub");
        let hub = names.iter().fold(hub, |draft, name| draft.edge(&format!("{name} -> hub"), "8000-8010/TCP"));
        assert_eq!(messages(hub), ["a pod of `hub` needs about 62 entries of rich's policy map, which holds 100"]);
    }

    #[test]
    fn a_tier_in_two_namespaces_is_told_once_with_its_fullest_table() {
        for (places, more) in [("a b", "b"), ("a b", "a")] {
            let draft = Draft::new().tier("web", places, "app=web").tier("job", more, "app=web");
            let draft = draft.external("cdn", &ranges(48), "").external("files", "198.51.100.0/24", "");
            let draft = draft.edge("web -> cdn", "443/TCP").edge("job -> files", "443/TCP");
            assert_eq!(
                messages(draft),
                ["a pod of `web` needs about 51 entries of rich's policy map, which holds 100"]
            );
        }
    }

    #[test]
    fn each_target_has_its_own_bound() {
        let table = Some(PolicyTable { entries: 1_000, setting: "table-max" });
        let large = Target { dialect: "large", table, ..BY_NAME };
        let told = |count| -> Vec<String> {
            let found = caller(count, "443/TCP").check_for(&[large, BY_NAME], &RULE);
            found.into_iter().map(|found| found.message).collect()
        };
        assert_eq!(told(48), ["a pod of `web` needs about 50 entries of rich's policy map, which holds 100"]);
    }

    #[test]
    fn whom_anybody_may_reach_needs_no_entry_for_each_caller() {
        let names: Vec<String> = (0..60).map(|n| format!("c{n}")).collect();
        let called = |ports: &str| {
            let hub = Draft::new().tiers("hub").tiers(&names.join(" ")).edge("anywhere -> hub", ports);
            names.iter().fold(hub, |draft, name| draft.edge(&format!("{name} -> hub"), "80/TCP"))
        };
        assert!(messages(called("80/TCP")).is_empty());
        assert!(messages(called("all/TCP")).is_empty());
        assert_eq!(messages(called("81/TCP")).len(), 1);
    }

    #[test]
    fn the_same_thing_asked_twice_counts_once() {
        let twice = Draft::new().tiers("web").external("cdn", &ranges(40), "");
        let twice = twice.edge("web -> cdn", "443/TCP").edge("web -> cdn", "443/TCP");
        assert!(messages(twice).is_empty());
    }

    #[test]
    fn scrapers_that_are_no_tier_are_told_at_what_they_scrape() {
        let names: Vec<String> = (0..50).map(|n| format!("t{n}")).collect();
        let draft = Draft::new().tiers(&names.join(" ")).tier("other", "monitoring", "app=other").with(|m| {
            for tier in m.tiers.iter_mut().filter(|tier| tier.name.starts_with('t')) {
                tier.metrics = vec![PortRange::new(Protocol::Tcp, 9090, 9090).unwrap()];
            }
        });
        assert_eq!(messages(draft), ["a pod of `t0` needs about 50 entries of rich's policy map, which holds 100"]);
    }
}
