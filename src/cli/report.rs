//! How runs are reported: diagnostics, flows, counts.

use std::collections::{BTreeMap, BTreeSet};

use super::run::Run;
use super::{Exit, Terminal};
use crate::diag::{self, Diagnostic, Diagnostics, Level, nearest, quote};
use crate::dialects::{self, About, Approximated, Dialect};
use crate::model::{Cidrs, DnsPeer, Labels, Model, NamespaceSet, PeerSet, Sym, Tier};
use crate::pipeline::{Compiled, Proved};
use crate::source::Sources;
use crate::verify::flows::describe;
use crate::verify::normal::{Entity, Namespaces, Peer};
use crate::verify::{ChangeKind, FlowChange};
use camino::{Utf8Path, Utf8PathBuf};

/// How many diagnostics are shown in full: more are a list of places, and cost no more than that.
const MAX_FULL: usize = 200;

/// How many diagnostics are told at all: the rest is counted, and the formats for tools list it.
pub const MAX_TOLD: usize = 1_000;

/// Prints diagnostics as a person reads them, and counts them in a last line when there are any. Beyond the first
/// [`MAX_FULL`] each is one line, beyond [`MAX_TOLD`] they are counted.
pub(super) fn diagnostics(run: &Run, list: &[Diagnostic], consequence: &str, terminal: &mut Terminal) {
    self::list(&run.project.sources, list, consequence, terminal);
}

/// Prints diagnostics about texts that are no part of a project.
pub(super) fn list(sources: &Sources, list: &[Diagnostic], consequence: &str, terminal: &mut Terminal) {
    for (position, diagnostic) in list.iter().take(MAX_TOLD).enumerate() {
        terminal.tell(match position < MAX_FULL {
            true => format!("{}\n", diag::render(diagnostic, sources, true)),
            false => diag::concise(diagnostic, sources),
        });
    }
    if let Some(more) = list.len().checked_sub(MAX_TOLD).filter(|more| *more > 0) {
        terminal.tell(format!("… and {more} more"));
    }
    if list.len() > MAX_FULL {
        terminal.tell("");
    }
    if !list.is_empty() {
        terminal.tell(format!("{}{consequence}", count(list)));
    }
}

/// A path as it is seen from the current folder, where it is below that.
pub(super) fn from_here(path: &Utf8Path) -> Utf8PathBuf {
    let here = std::env::current_dir().ok().and_then(|here| Utf8PathBuf::from_path_buf(here).ok());
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Utf8Path::to_owned));
    below.filter(|below| !below.as_str().is_empty()).unwrap_or_else(|| path.to_owned())
}

/// The dialect of a name that somebody gave.
pub(super) fn dialect(name: &str, terminal: &mut Terminal) -> Result<&'static dyn Dialect, Exit> {
    if let Some(dialect) = dialects::find(name) {
        return Ok(dialect);
    }
    let known: Vec<&str> = dialects::REGISTRY.iter().map(|dialect| dialect.name()).collect();
    let hint = nearest(name, known.iter().copied())
        .map_or_else(|| format!("known: {}", known.join(", ")), |near| format!("did you mean {}?", quote(near)));
    Err(terminal.fail(format!("there is no dialect {}; {hint}", quote(name))))
}

/// Diagnostics in the order of files and lines.
pub(super) fn sorted(run: &Run, list: impl IntoIterator<Item = Diagnostic>) -> Vec<Diagnostic> {
    let mut diags = Diagnostics::default();
    diags.extend(list);
    diags.into_sorted(&run.project.sources)
}

/// `2 errors, 1 warning`.
pub(super) fn count(list: &[Diagnostic]) -> String {
    let of = |level: Level| list.iter().filter(|diagnostic| diagnostic.level == level).count();
    let words = [(of(Level::Error), "error"), (of(Level::Warning), "warning")];
    let parts: Vec<String> = words.iter().filter(|(n, _)| *n > 0).map(|(n, word)| plural(*n, word)).collect();
    parts.join(", ")
}

/// `1 file`, `2 files`.
pub(super) fn plural(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

/// How the cluster's DNS is called.
pub(super) const DNS: &str = "DNS";

/// Endpoints by the names that the intents give them.
#[derive(Default)]
pub(super) struct Names {
    names: BTreeMap<Peer, String>,
    /// The names of externals.
    externals: BTreeSet<String>,
    /// Tiers of the chosen intents; `None`: all intents are chosen.
    chosen: Option<BTreeSet<Peer>>,
}

impl Names {
    pub(super) fn of(run: &Run) -> Self {
        let mut this = Self { chosen: run.selected.as_ref().map(|_| BTreeSet::new()), ..Self::default() };
        for model in &run.models {
            this.choose(model, run.selected.as_ref());
            this.declared(model);
            this.addresses(model);
        }
        this
    }

    /// Adds names of how the project was before. Where a name stands for something else now, it is that alone; of an external
    /// what came and what went is told apart by its address or host name.
    pub(super) fn with_old<'m>(mut self, models: impl IntoIterator<Item = &'m Model>, run: &Run) -> Self {
        let mut old = Self::default();
        for model in models {
            old.declared(model);
            old.addresses(model);
            self.choose(model, run.selected.as_ref());
        }
        let (now, before): (BTreeSet<String>, BTreeSet<String>) =
            (self.names.values().cloned().collect(), old.names.values().cloned().collect());
        let apart = |peer: &Peer, name: &str| format!("{name} ({})", describe(peer, &|_| None));
        for (peer, name) in &mut self.names {
            if self.externals.contains(name) && before.contains(name) && !old.names.contains_key(peer) {
                *name = apart(peer, name);
            }
        }
        for (peer, name) in old.names {
            match now.contains(&name) {
                false => self.add(peer, name),
                true if old.externals.contains(&name) => {
                    let name = apart(&peer, &name);
                    self.add(peer, name);
                }
                true => {}
            }
        }
        self
    }

    /// Notes the tiers of the chosen intents.
    fn choose(&mut self, model: &Model, selected: Option<&BTreeSet<Utf8PathBuf>>) {
        let Some(selected) = selected else { return };
        let of_chosen = |tier: &&Tier| selected.contains(&model[tier.app].path);
        for tier in model.tiers.iter().filter(of_chosen) {
            let peers = tier.pods.namespaces.names().iter();
            let peers = peers.map(|namespace| pods(Namespaces::Named(namespace.clone()), &tier.pods.labels));
            self.chosen.get_or_insert_default().extend(peers);
        }
    }

    /// Tiers and peers.
    fn declared(&mut self, model: &Model) {
        for tier in &model.tiers {
            for namespace in tier.pods.namespaces.names() {
                let peer = pods(Namespaces::Named(namespace.clone()), &tier.pods.labels);
                self.add(peer, format!("{namespace}/{}", tier.name));
            }
        }
        for peer in &model.peers {
            match &peer.pods.namespaces {
                NamespaceSet::All => {
                    self.add(pods(Namespaces::Labelled(Labels::default()), &peer.pods.labels), peer.name.to_string());
                }
                NamespaceSet::Labels(by) => {
                    self.add(pods(Namespaces::Labelled(by.clone()), &peer.pods.labels), peer.name.to_string());
                }
                NamespaceSet::Names(names) => {
                    for name in names {
                        let of_name = pods(Namespaces::Named(name.clone()), &peer.pods.labels);
                        self.add(of_name, format!("{name}/{}", peer.name));
                    }
                }
            }
        }
    }

    fn addresses(&mut self, model: &Model) {
        self.blocks(&model.profile.internet(), "internet");
        self.blocks(&model.profile.everywhere(), "anywhere");
        self.blocks(&Cidrs::new(model.profile.node_cidrs.clone()), "nodes");
        self.blocks(&Cidrs::new(model.profile.api_server_cidrs.clone()), "kube-apiserver");
        for entity in Entity::NODES {
            self.add(Peer::Entity(entity), "nodes".to_owned());
        }
        for external in &model.externals {
            self.externals.insert(external.name.to_string());
            self.parts(&external.addresses, &external.name);
            self.blocks(&external.addresses, &external.name);
        }
        for peer in &model.profile.dns.peers {
            match peer {
                DnsPeer::Pods(set) | DnsPeer::Cache(set) => {
                    for namespace in set.namespaces.names() {
                        self.add(pods(Namespaces::Named(namespace.clone()), &set.labels), DNS.to_owned());
                    }
                }
                DnsPeer::Address(net) => self.blocks(&Cidrs::new([*net]), DNS),
            }
        }
    }

    /// What some dialects write of an external instead: what its exceptions leave over, and halves of everything.
    fn parts(&mut self, ranges: &Cidrs, name: &str) {
        if ranges.blocks.iter().any(|block| !block.except.is_empty() || block.cidr.prefix_len() == 0) {
            for cidr in ranges.prefixes() {
                let halves = cidr.subnets(cidr.prefix_len().max(1)).into_iter().flatten();
                halves.for_each(|cidr| self.add(Peer::Block { cidr, except: vec![] }, name.to_owned()));
            }
        }
    }

    fn blocks(&mut self, ranges: &Cidrs, name: &str) {
        for block in &ranges.blocks {
            self.add(Peer::Block { cidr: block.cidr, except: block.except.clone() }, name.to_owned());
        }
    }

    fn add(&mut self, peer: Peer, name: String) {
        self.names.entry(peer).or_insert(name);
    }

    /// The name of an endpoint, if it has one.
    pub(super) fn name(&self, peer: &Peer) -> Option<String> {
        self.names.get(peer).cloned()
    }

    /// Whether some tier of the chosen intents is in a namespace.
    pub(super) fn is_shown_namespace(&self, namespace: &Sym) -> bool {
        let within =
            |peer: &Peer| matches!(peer, Peer::Pods { namespaces: Namespaces::Named(name), .. } if name == namespace);
        self.chosen.as_ref().is_none_or(|chosen| chosen.iter().any(within))
    }

    /// Whether a flow is about the chosen intents: one of its ends is their tier, or a pod that no intent knows any more.
    pub(super) fn is_shown(&self, change: &FlowChange) -> bool {
        let Some(chosen) = &self.chosen else { return true };
        let (from, to) = &change.ends;
        let gone = |peer: &Peer| matches!(peer, Peer::Pods { .. }) && !self.names.contains_key(peer);
        chosen.contains(from) || chosen.contains(to) || (change.kind == ChangeKind::Closed && (gone(from) || gone(to)))
    }
}

fn pods(namespaces: Namespaces, labels: &Labels) -> Peer {
    Peer::Pods { namespaces, labels: labels.clone() }
}

/// One line a flow that opens, closes, widens or narrows, with the dialects that say so where not all do.
pub(super) fn flows(changes: &[(&FlowChange, String)], most: usize, terminal: &mut Terminal) {
    use anstyle::AnsiColor::{Green, Red, Yellow};
    for (change, dialects) in changes.iter().take(most) {
        let (sign, colour) = match change.kind {
            ChangeKind::Opened => ("+", Green.on_default()),
            ChangeKind::Closed => ("-", Red.on_default()),
            ChangeKind::Widened | ChangeKind::Narrowed => ("~", Yellow.on_default()),
        };
        let only = if dialects.is_empty() { String::new() } else { format!(" (only {dialects})") };
        terminal.line(format!("  {colour}{sign} {change}{colour:#}{only}"));
    }
    if changes.len() > most {
        terminal.line(format!("  … and {} more", changes.len() - most));
    }
}

/// Clusters of which something is true; `None` where the project file names none.
type Places = Vec<Option<Sym>>;

/// What was proved, without what it was proved of.
pub(super) fn proved(compiled: &[Compiled]) -> Vec<Proved> {
    compiled.iter().map(|done| done.proved.clone()).collect()
}

/// What must be said beside "verified": what is said otherwise than meant, and what is taken for granted.
pub(super) fn caveats(run: &Run, proved: &[Proved], terminal: &mut Terminal) {
    caveat_lines(run, proved).iter().for_each(|line| terminal.line(line));
}

/// The same, a line each.
pub(super) fn caveat_lines(run: &Run, proved: &[Proved]) -> Vec<String> {
    let lost = |done: &Proved| Lost {
        dialect: done.dialect,
        cluster: done.cluster.clone(),
        approximations: done.approximations.clone(),
    };
    let mut lines = exception_lines(run, &proved.iter().map(lost).collect::<Vec<_>>());
    lines.extend(run.notes.iter().map(|note| format!("{}{}", note.text, run.place(&note.clusters))));
    lines.extend(assumed_line(run));
    lines
}

/// What a dialect says of a cluster's intents otherwise than it is meant.
pub(super) struct Lost {
    pub(super) dialect: &'static str,
    pub(super) cluster: Option<Sym>,
    pub(super) approximations: Vec<Approximated>,
}

/// `exact except: calico fqdns-omitted (narrower): api -> payments: api.stripe.com`.
pub(super) fn exceptions(run: &Run, all: &[Lost], terminal: &mut Terminal) {
    exception_lines(run, all).iter().for_each(|line| terminal.line(line));
}

fn exception_lines(run: &Run, all: &[Lost]) -> Vec<String> {
    let mut lines = vec![];
    // What several dialects lose alike is one line, for each set of clusters in which they do.
    let mut lost: BTreeMap<String, Vec<(&str, Places)>> = BTreeMap::new();
    for done in all {
        for model in run.models.iter().filter(|model| model.cluster == done.cluster) {
            for approximated in done.approximations.iter().filter(|lost| is_about(run, model, lost)) {
                let by = lost.entry(dialects::describe(model, approximated)).or_default();
                match by.iter_mut().find(|(dialect, _)| *dialect == done.dialect) {
                    Some((_, clusters)) if clusters.last() == Some(&done.cluster) => {}
                    Some((_, clusters)) => clusters.push(done.cluster.clone()),
                    None => by.push((done.dialect, vec![done.cluster.clone()])),
                }
            }
        }
    }
    for (line, by) in lost {
        let mut groups: Vec<(Places, Vec<&str>)> = vec![];
        for (dialect, clusters) in by {
            match groups.iter_mut().find(|(of, _)| *of == clusters) {
                Some((_, dialects)) => dialects.push(dialect),
                None => groups.push((clusters, vec![dialect])),
            }
        }
        for (clusters, dialects) in groups {
            lines.push(format!("exact except: {} {line}{}", dialects.join(", "), run.place(&clusters)));
        }
    }
    lines
}

/// `verified: kubernetes allows exactly the 214 flows of 6 intents`.
pub(super) fn verified(run: &Run, dialects: &[&str], flows: usize, terminal: &mut Terminal) {
    let green = anstyle::AnsiColor::Green.on_default().bold();
    terminal.line(format!("{green}verified{green:#}: {}", verified_words(run, dialects, flows)));
}

/// The same without the word before it.
pub(super) fn verified_words(run: &Run, dialects: &[&str], flows: usize) -> String {
    let clusters: Vec<&str> = run.models.iter().filter_map(|model| model.cluster.as_deref()).collect();
    format!(
        "{} {} exactly the {} of {}{}",
        dialects.join(", "),
        if dialects.len() == 1 { "allows" } else { "allow" },
        plural(flows, "flow"),
        plural(run.project.intents.len(), "intent"),
        if clusters.is_empty() { String::new() } else { format!(" in {}", clusters.join(", ")) }
    )
}

/// The closed world of the proof, in a few words.
pub(super) fn taken_for_granted(terminal: &mut Terminal) {
    terminal.line(
        "taken for granted: labels are set by whoever may set them; namespaces carry their names as labels; pods, and nothing \
         else, have addresses of the pod ranges; no other policies govern these pods",
    );
}

/// What is taken for granted of addresses while nobody says where the cluster's are.
pub(super) fn assumed(run: &Run, terminal: &mut Terminal) {
    assumed_line(run).into_iter().for_each(|line| terminal.line(line));
}

fn assumed_line(run: &Run) -> Option<String> {
    let assuming: Vec<&Model> = run.models.iter().filter(|model| assumes_private(model)).collect();
    let unknown: BTreeSet<(usize, &str)> = assuming.iter().flat_map(|model| model.profile.unknown_ranges()).collect();
    if unknown.is_empty() {
        return None;
    }
    let keys: Vec<String> = unknown.into_iter().map(|(_, key)| quote(key)).collect();
    let clusters: Places = assuming.iter().map(|model| model.cluster.clone()).collect();
    Some(format!(
        "assumed: the cluster's addresses lie in the private ranges (not set in netpolc.toml: {}){}",
        keys.join(", "),
        run.place(&clusters)
    ))
}

/// Whether something that is lost is about the chosen intents; guards are everybody's.
fn is_about(run: &Run, model: &Model, lost: &Approximated) -> bool {
    let Some(selected) = &run.selected else { return true };
    match lost.about {
        About::Edge(edge) => selected.contains(&model[model[edge].app].path),
        About::Guard(_) => true,
    }
}

/// Whether some grant names addresses while the cluster's own are not known.
fn assumes_private(model: &Model) -> bool {
    model.profile.unknown_ranges().next().is_some()
        && model.grants().iter().any(|grant| match grant.peer {
            PeerSet::Internet | PeerSet::External(_) | PeerSet::Nodes | PeerSet::ApiServer => true,
            PeerSet::Dns(number) => matches!(model.profile.dns.peers.get(number), Some(DnsPeer::Address(_))),
            // These hold every pod by name.
            PeerSet::Anyone | PeerSet::Everywhere | PeerSet::AllPods | PeerSet::Pods(_) => false,
        })
}
