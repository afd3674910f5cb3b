//! What keeps flows from opening, and is not as it was: guardrails, denials, and what the platform team and owners decided.
//!
//! In: the models of both sides. Out: a [`Wall`] for each change, compared by what is said, wherever it stands. Policies tell
//! of denials ([`DenialChange`]); what only intents know is found here.

use std::collections::{BTreeMap, BTreeSet};

use super::origins::{Asking, Place};
use crate::diag::quote;
use crate::model::{
    Caller, Cidrs, Forbid, ForbidEnd, ForbidSet, LintLevel, Model, NamespaceSet, PortRange, Sym, WaiveTarget,
};
use crate::verify::normal::Ports;
use crate::verify::{DenialChange, GuardChange, PortSet};

/// What changed, in the order in which a reviewer looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// What must never be possible.
    Guardrail,
    /// A namespace that is managed no longer, or from now on.
    Namespace,
    /// A denial for the whole cluster.
    Guard,
    /// What externals may stand for.
    Approved,
    /// What a dialect may say otherwise than it is meant.
    Approximation,
    /// Who of other apps may connect.
    Accepts,
    /// The level of a rule.
    Level,
    /// A finding that somebody accepts.
    Waiver,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wall {
    pub(super) what: What,
    pub(super) text: String,
    /// Something is possible by it, or may be asked for, that could not be before.
    pub(super) opens: bool,
    /// The other way round.
    pub(super) closes: bool,
    pub(super) app: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) why: Option<String>,
    pub(super) place: Option<Place>,
}

impl Wall {
    fn new(what: What, text: String) -> Self {
        Self { what, text, opens: false, closes: false, app: None, owner: None, why: None, place: None }
    }

    /// A namespace of which every connection opens.
    pub(super) fn released(namespace: &Sym) -> Self {
        let text = format!("namespace {namespace} is no longer managed: every connection to and from its pods opens");
        Self { opens: true, ..Self::new(What::Namespace, text) }
    }

    /// What default denies and guards do otherwise.
    pub(super) fn denial(change: &DenialChange) -> Self {
        let what = match change {
            DenialChange::Managed { .. } | DenialChange::Namespaces { .. } => What::Namespace,
            DenialChange::Guard { .. } => What::Guard,
        };
        let closes = match change {
            DenialChange::Managed { staged, .. } | DenialChange::Namespaces { staged, .. } => !staged,
            DenialChange::Guard { change, .. } => matches!(
                change,
                GuardChange::New { staged: false, .. }
                    | GuardChange::Staged(false)
                    | GuardChange::Governs(_)
                    | GuardChange::Denies(_)
            ),
        };
        Self { opens: change.opens(), closes, ..Self::new(what, change.to_string()) }
    }

    /// Whether `--fail-on opened` counts it: connections open, or a guardrail holds no longer.
    pub(super) fn counts_as_opened(&self) -> bool {
        self.opens && matches!(self.what, What::Guardrail | What::Namespace | What::Guard)
    }
}

impl What {
    /// The word in JSON.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Guardrail => "guardrail",
            Self::Namespace => "namespace",
            Self::Guard => "guard",
            Self::Approved => "approved",
            Self::Approximation => "approximation",
            Self::Accepts => "accepts",
            Self::Level => "level",
            Self::Waiver => "waiver",
        }
    }
}

/// What intents and project files say otherwise.
pub(super) fn between(old: &Asking<'_>, new: &Asking<'_>) -> Vec<Wall> {
    let mut out = guardrails(old, new);
    out.extend(approved(old.model, new));
    out.extend(approximations(old.model, new.model));
    out.extend(levels(old.model, new.model));
    out.extend(waivers(old.model, new));
    out.extend(accepts(old, new));
    out
}

/// What a guardrail says beside its ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Terms {
    ports: Vec<PortRange>,
    except: BTreeSet<String>,
    transitive: bool,
    ends: [Meaning; 2],
}

/// What the end of a guardrail means.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    Pods(crate::model::PodSet),
    Outside(Cidrs, BTreeSet<Sym>),
    Word,
}

type Guardrails<'m> = BTreeMap<(String, String), BTreeMap<Terms, &'m Forbid>>;

fn guardrails(old: &Asking<'_>, new: &Asking<'_>) -> Vec<Wall> {
    let (before, now) = (guardrails_of(old.model), guardrails_of(new.model));
    let none = BTreeMap::new();
    let keys: BTreeSet<&(String, String)> = before.keys().chain(now.keys()).collect();
    let mut out = vec![];
    for key in keys {
        let (were, are) = (before.get(key).unwrap_or(&none), now.get(key).unwrap_or(&none));
        let gone: Vec<_> = were.iter().filter(|(terms, _)| !are.contains_key(*terms)).collect();
        let come: Vec<_> = are.iter().filter(|(terms, _)| !were.contains_key(*terms)).collect();
        let name = quote(&format!("{} -> {}", key.0, key.1));
        if let ([(was, _)], [(is, forbid)]) = (gone.as_slice(), come.as_slice()) {
            let (weaker, stronger) = compare(was, is);
            let word = if weaker.is_empty() { "stronger" } else { "weaker" };
            let all: Vec<String> = weaker.iter().chain(&stronger).cloned().collect();
            let text = format!("guardrail {name} is {word}: {}", all.join("; "));
            let wall = of_forbid(new, forbid, text);
            out.push(Wall { opens: !weaker.is_empty(), closes: weaker.is_empty(), ..wall });
            continue;
        }
        for (terms, forbid) in gone {
            let text = format!("guardrail {name}{} is gone", told(terms));
            out.push(Wall { opens: true, ..of_forbid(old, forbid, text) });
        }
        for (terms, forbid) in come {
            let text = format!("guardrail {name}{} is new", told(terms));
            out.push(Wall { closes: true, ..of_forbid(new, forbid, text) });
        }
    }
    out
}

fn of_forbid(side: &Asking<'_>, forbid: &Forbid, text: String) -> Wall {
    let app = forbid.app.map(|app| &side.model[app]);
    Wall {
        app: app.map(|app| app.name.to_string()),
        owner: app.and_then(|app| app.owner.as_ref()).map(ToString::to_string),
        why: forbid.why.as_ref().map(ToString::to_string),
        place: Some(side.place(forbid.span)),
        ..Wall::new(What::Guardrail, text)
    }
}

fn guardrails_of(model: &Model) -> Guardrails<'_> {
    let mut out = Guardrails::new();
    for forbid in &model.forbids {
        let name = |end: &ForbidEnd| end_name(model, forbid, end);
        let terms = Terms {
            ports: forbid.ports.clone(),
            except: forbid.except.iter().map(name).collect(),
            transitive: forbid.transitive,
            ends: [&forbid.from, &forbid.to].map(|end| meaning(model, end)),
        };
        out.entry((name(&forbid.from), name(&forbid.to))).or_default().entry(terms).or_insert(forbid);
    }
    out
}

/// The same name wherever the guardrail stands: names of an app with the app's.
fn end_name(model: &Model, forbid: &Forbid, end: &ForbidEnd) -> String {
    let of_app = match &end.set {
        ForbidSet::Pods(_) => !end.name.contains('/'),
        ForbidSet::External(id) => model[*id].app.is_some() && !end.name.contains('/'),
        ForbidSet::Addresses(_) | ForbidSet::Builtin(_) => false,
    };
    match forbid.app.filter(|_| of_app) {
        Some(app) => format!("{}/{}", model[app].name, end.name),
        None => end.name.to_string(),
    }
}

fn meaning(model: &Model, end: &ForbidEnd) -> Meaning {
    match &end.set {
        ForbidSet::Pods(pods) => Meaning::Pods(pods.clone()),
        ForbidSet::Addresses(ranges) => Meaning::Outside(ranges.clone(), BTreeSet::new()),
        ForbidSet::External(id) => {
            let hosts = model[*id].fqdns.iter().map(|host| host.value.clone()).collect();
            Meaning::Outside(model[*id].addresses.clone(), hosts)
        }
        ForbidSet::Builtin(_) => Meaning::Word,
    }
}

impl Meaning {
    /// Whether all that was meant is meant still.
    fn holds(&self, old: &Self) -> bool {
        match (self, old) {
            (Self::Pods(now), Self::Pods(was)) => {
                let namespaces = match (&now.namespaces, &was.namespaces) {
                    (NamespaceSet::All, _) => true,
                    (NamespaceSet::Names(now), NamespaceSet::Names(was)) => was.iter().all(|name| now.contains(name)),
                    (NamespaceSet::Labels(now), NamespaceSet::Labels(was)) => now.is_subset_of(was),
                    _ => false,
                };
                namespaces && now.labels.is_subset_of(&was.labels)
            }
            (Self::Outside(now, hosts), Self::Outside(was, were)) => {
                let held = |block| now.blocks.contains(block);
                were.is_subset(hosts) && was.blocks.iter().all(held)
            }
            (Self::Word, Self::Word) => true,
            _ => false,
        }
    }
}

/// In which ways a guardrail holds for less, and for more.
fn compare(was: &Terms, is: &Terms) -> (Vec<String>, Vec<String>) {
    let (mut weaker, mut stronger) = (vec![], vec![]);
    let set = |ports: &[PortRange]| match ports {
        [] => PortSet::every(),
        ports => PortSet::new(ports.iter().map(|p| Ports { protocol: p.protocol, first: p.first, last: p.last })),
    };
    if was.ports != is.ports {
        let words = format!("it held on {}, and holds on {}", ports(&was.ports), ports(&is.ports));
        let lost = !set(&was.ports).minus(&set(&is.ports)).is_empty();
        if lost { weaker.push(words) } else { stronger.push(words) }
    }
    let list = |names: Vec<&String>| names.into_iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
    let may: Vec<&String> = is.except.difference(&was.except).collect();
    if !may.is_empty() {
        weaker.push(format!("{} may connect now", list(may)));
    }
    let may_not: Vec<&String> = was.except.difference(&is.except).collect();
    if !may_not.is_empty() {
        stronger.push(format!("{} may connect no longer", list(may_not)));
    }
    match (was.transitive, is.transitive) {
        (true, false) => weaker.push("chains of connections no longer count".to_owned()),
        (false, true) => stronger.push("chains of connections count too".to_owned()),
        _ => {}
    }
    if was.ends != is.ends {
        let words = "its ends are other pods or addresses than before".to_owned();
        let held = was.ends.iter().zip(&is.ends).all(|(was, is)| is.holds(was));
        if held { stronger.push(words) } else { weaker.push(words) }
    }
    (weaker, stronger)
}

fn told(terms: &Terms) -> String {
    let mut words = String::new();
    if !terms.ports.is_empty() {
        words.push_str(&format!(" on {}", ports(&terms.ports)));
    }
    if !terms.except.is_empty() {
        let names: Vec<String> = terms.except.iter().map(|name| quote(name)).collect();
        words.push_str(&format!(" except {}", names.join(", ")));
    }
    if terms.transitive {
        words.push_str(", chains included,");
    }
    words
}

fn ports(ports: &[PortRange]) -> String {
    match ports {
        [] => "any port".to_owned(),
        ports => ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn approved(old: &Model, new: &Asking<'_>) -> Vec<Wall> {
    let wall = |text: String| Wall::new(What::Approved, text);
    match (&old.profile.approved, &new.model.profile.approved) {
        (Some(_), None) => vec![Wall {
            opens: true,
            ..wall("`[approved]` is gone: externals may stand for any address and host name".to_owned())
        }],
        (None, Some(now)) => vec![Wall {
            closes: true,
            place: Some(new.place(now.span)),
            ..wall("`[approved]` is new: externals may stand for what it lists, and nothing else".to_owned())
        }],
        (Some(was), Some(now)) => {
            let words = |list: &crate::model::Approved| -> BTreeSet<String> {
                let ranges = list.cidrs.iter().map(ToString::to_string);
                ranges.chain(list.fqdns.iter().map(ToString::to_string)).collect()
            };
            let (was, is) = (words(was), words(now));
            let list = |names: Vec<&String>| names.into_iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
            let (more, less): (Vec<_>, Vec<_>) = (is.difference(&was).collect(), was.difference(&is).collect());
            let place = Some(new.place(now.span));
            let mut out = vec![];
            if !more.is_empty() {
                let text = format!("externals may stand for {} from now on", list(more));
                out.push(Wall { opens: true, place: place.clone(), ..wall(text) });
            }
            if !less.is_empty() {
                let text = format!("externals may no longer stand for {}", list(less));
                out.push(Wall { closes: true, place, ..wall(text) });
            }
            out
        }
        (None, None) => vec![],
    }
}

fn approximations(old: &Model, new: &Model) -> Vec<Wall> {
    let (were, are) = (&old.profile.approximate, &new.profile.approximate);
    let tell = |(dialect, which): &(Sym, crate::model::Approximation), how: &str| {
        let text =
            format!("{dialect} {how} say something else than was meant: `{}` ({})", which.name(), which.direction());
        Wall::new(What::Approximation, text)
    };
    let more = are.difference(were).map(|one| Wall { opens: true, ..tell(one, "may from now on") });
    let less = were.difference(are).map(|one| Wall { closes: true, ..tell(one, "may no longer") });
    more.chain(less).collect()
}

fn levels(old: &Model, new: &Model) -> Vec<Wall> {
    let (were, are) = (&old.profile.lints, &new.profile.lints);
    let codes: BTreeSet<&Sym> = were.keys().chain(are.keys()).collect();
    let word = |level: Option<&LintLevel>| level.map_or("its default level", |level| level.as_str());
    let changed = codes.into_iter().filter(|code| were.get(*code) != are.get(*code));
    changed
        .map(|code| {
            let (was, is) = (were.get(code), are.get(code));
            let text = format!("rule {code} is set to {}, and was set to {}", word(is), word(was));
            Wall { opens: is == Some(&LintLevel::Allow), ..Wall::new(What::Level, text) }
        })
        .collect()
}

/// What a waiver accepts: in which app, of which rule, about what, and why.
type Accepted = (Sym, &'static str, String, Sym);

fn waivers(old: &Model, new: &Asking<'_>) -> Vec<Wall> {
    let key = |model: &Model, waiver: &crate::model::Waiver| -> Accepted {
        let about: BTreeSet<String> = waiver.targets.iter().map(|target| target_name(model, target)).collect();
        let about = about.into_iter().collect::<Vec<_>>().join(", ");
        (model[waiver.app].name.clone(), waiver.code.0, about, waiver.reason.clone())
    };
    let known: BTreeSet<Accepted> = old.waivers.iter().map(|waiver| key(old, waiver)).collect();
    let model = new.model;
    let mut out = vec![];
    for waiver in &model.waivers {
        let said = key(model, waiver);
        if known.contains(&said) {
            continue;
        }
        let (app, code, about, reason) = said;
        let about = if about.is_empty() { String::new() } else { format!(" about {}", quote(&about)) };
        let until = waiver.until.map_or(String::new(), |day| format!(" until {day}"));
        let text = format!("a finding of {code}{about} is accepted{until}");
        out.push(Wall {
            app: Some(app.to_string()),
            owner: model[waiver.app].owner.as_ref().map(ToString::to_string),
            why: Some(reason.to_string()),
            place: Some(new.place(waiver.span)),
            ..Wall::new(What::Waiver, text)
        });
    }
    out
}

fn target_name(model: &Model, target: &WaiveTarget) -> String {
    match target {
        WaiveTarget::Edge(id) => model.edge_name(&model[*id]),
        WaiveTarget::Tier(id) => model[*id].name.to_string(),
        WaiveTarget::Peer(id) => model[*id].name.to_string(),
        WaiveTarget::External(id) => model[*id].name.to_string(),
        WaiveTarget::Workload(name) => name.to_string(),
    }
}

/// Callers that each tier accepts, by names; `None`: everyone.
type Acceptances = BTreeMap<(Sym, Sym), Option<BTreeSet<String>>>;

fn accepts(old: &Asking<'_>, new: &Asking<'_>) -> Vec<Wall> {
    let were = acceptances(old.model);
    let mut out = vec![];
    for (id, tier) in new.model.tiers() {
        let app = &new.model[tier.app];
        let Some(was) = were.get(&(app.name.clone(), tier.name.clone())) else { continue };
        let is = callers(new.model, id);
        let name = quote(&format!("{}/{}", app.name, tier.name));
        let wall = |text: String, opens: bool, closes: bool| Wall {
            opens,
            closes,
            app: Some(app.name.to_string()),
            owner: app.owner.as_ref().map(ToString::to_string),
            place: Some(new.place(tier.accepts.as_ref().map_or(tier.span, |accepts| accepts.span))),
            ..Wall::new(What::Accepts, text)
        };
        let list = |names: Vec<&String>| names.into_iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
        match (was, &is) {
            (Some(_), None) => out.push(wall(format!("{name} accepts callers of every app now"), true, false)),
            (None, Some(now)) => {
                let who = if now.is_empty() { "no other app".to_owned() } else { list(now.iter().collect()) };
                out.push(wall(format!("{name} accepts {who} from now on, and accepted every app"), false, true));
            }
            (Some(was), Some(now)) => {
                let (more, less): (Vec<_>, Vec<_>) = (now.difference(was).collect(), was.difference(now).collect());
                if !more.is_empty() {
                    out.push(wall(format!("{name} accepts {} too", list(more)), true, false));
                }
                if !less.is_empty() {
                    out.push(wall(format!("{name} no longer accepts {}", list(less)), false, true));
                }
            }
            (None, None) => {}
        }
    }
    out
}

fn acceptances(model: &Model) -> Acceptances {
    let of = model.tiers().map(|(id, tier)| ((model[tier.app].name.clone(), tier.name.clone()), callers(model, id)));
    of.collect()
}

fn callers(model: &Model, tier: crate::model::TierId) -> Option<BTreeSet<String>> {
    let name = |caller: &Caller| match caller {
        Caller::App(app) => model[*app].name.to_string(),
        Caller::Tier(tier) => format!("{}/{}", model[model[*tier].app].name, model[*tier].name),
    };
    model[tier].accepts.as_ref().map(|accepts| accepts.callers.iter().map(name).collect())
}
