//! Cilium, `cilium.io/v2`.
//!
//! In: policies neutral of a dialect. Out: for each managed namespace a default deny and a file of allows, the addresses of
//! externals as groups, cluster-wide guards, and the kustomizations that make each folder a base of its own. Apart from
//! that, and sharing no code with it, the reader.

mod groups;
mod http;
mod labels;
mod limits;
mod notes;
mod proxied;
mod reader;
mod review;
#[cfg(test)]
mod tests;
mod view;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;

use self::groups::{GroupView, Groups, Listed};
use self::limits::TooLarge;
use self::proxied::Proxied;
use self::view::{PolicyView, Writer};
use super::reading::Kinds;
use super::reading::text::Doc;
use super::writing::about::{self, Annotations};
use super::writing::layout::{ALLOW, BASELINE, DEFAULT_DENY, EXTERNALS, GUARDS, placed};
use super::writing::{Intents, size, turn};
use super::{Assumed, Dialect, Document, Review, Shared, Switch};
use crate::checks::PolicyTable;
use crate::diag::{Diagnostic, codes, quote};
use crate::dialects;
use crate::lower::{self, About, NamespacePolicies, Policy};
use crate::model::{Guard, METADATA, Model};
use crate::source::{FileId, Sources};
use crate::verify::normal::{self, Capabilities, Staging};

/// Name of the dialect.
const NAME: &str = "cilium";
/// The policy map of one pod (pkg/defaults, PolicyMapEntries). Its key is an identity, a port with the length of its prefix,
/// a protocol and a direction (bpf/lib/common.h, `policy_key`); a range of addresses is an identity, and so are pods of one
/// namespace that carry the same labels. What does not fit is not allowed.
const POLICY_MAP: PolicyTable = PolicyTable { entries: 16_384, setting: "bpf-policy-map-max" };
/// Where its agents run, if not in `kube-system`, and where its chart keeps TLS secrets.
const AGENTS: &[&str] = &[NAME, "cilium-secrets"];
/// Before the name of a guard; no generated name starts like it.
const OWN: &str = "netpolc--";

/// What its agents can be set to otherwise.
const SWITCHES: &[Switch] = &[Switch {
    name: reader::LOCAL,
    help: "Cilium: peers that name no cluster are in the own one, so nodes and addresses are no peers of negations alone \
           (false up to 1.18, true from 1.19)",
}];

/// Cilium, `cilium.io/v2`.
#[derive(Debug)]
pub struct Cilium;

impl Dialect for Cilium {
    fn name(&self) -> &'static str {
        NAME
    }

    fn templates(&self) -> &'static [(&'static str, &'static str)] {
        embedded!["cilium": "allow.yaml.j2", "baseline.yaml.j2", "external.yaml.j2", "guard.yaml.j2", "kustomization.yaml.j2"]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            http: true,
            host_names: true,
            entities: true,
            local_redirect: true,
            guards: true,
            staged: Staging::AllowsOnly,
            log_denied: false,
        }
    }

    fn policy_table(&self) -> Option<PolicyTable> {
        Some(POLICY_MAP)
    }

    fn agents(&self) -> &'static [&'static str] {
        AGENTS
    }

    fn review(&self, model: &Model) -> Review {
        review::review(model)
    }

    fn writer<'m>(&self, model: &'m Model, shared: &'m lower::Shared) -> Box<dyn dialects::Writer + 'm> {
        Box::new(OfModel::new(model, shared))
    }

    fn read(&self, sources: &Sources, files: &[FileId]) -> Result<Vec<normal::File>, Vec<Diagnostic>> {
        reader::read(sources, files)
    }

    fn shared(&self, sources: &Sources, files: &[FileId]) -> Option<Box<dyn Shared>> {
        Some(Box::new(reader::Beside::read(sources, files)?))
    }

    fn kinds(&self) -> Kinds {
        reader::KINDS
    }

    fn readings(&self, docs: &[Doc<'_>], assumed: &Assumed) -> Result<Vec<normal::Reading>, Vec<Diagnostic>> {
        reader::readings(docs, assumed)
    }

    fn switches(&self) -> &'static [Switch] {
        SWITCHES
    }
}

/// What writes a model.
struct OfModel<'m> {
    model: &'m Model,
    guards: &'m [Guard],
    groups: Groups,
    externals: Vec<Listed<'m>>,
    proxied: Proxied<'m>,
}

impl<'m> OfModel<'m> {
    fn new(model: &'m Model, shared: &'m lower::Shared) -> Self {
        let annotate = |about: &'m About| about::annotations(about, turn::REFERRED);
        let (groups, externals) = groups::groups(model, &shared.externals, annotate);
        Self { model, guards: &shared.guards, groups, externals, proxied: Proxied::new(model) }
    }
}

impl dialects::Writer for OfModel<'_> {
    fn namespace(&self, policies: &NamespacePolicies, errors: &mut Vec<Diagnostic>) -> Vec<Document> {
        let writer = Writer { model: self.model, groups: &self.groups };
        let allow = allow(writer, &self.proxied, policies, errors);
        let parts = [(BASELINE, Some(baseline(self.model, policies))), (ALLOW, allow)];
        let place = |(folder, document): (&str, Option<Document>)| Some(placed(folder, &policies.namespace, document?));
        parts.into_iter().filter_map(place).collect()
    }

    fn cluster(&self, _: &mut Vec<Diagnostic>) -> Vec<Document> {
        let externals = self.externals.iter().map(|listed| placed(EXTERNALS, listed.name, external(listed)));
        // Denials are enforced whatever `enableDefaultDeny` says (docs.cilium.io, "Endpoint default policy").
        let guards = self.guards.iter().filter(|_| !self.model.profile.staged);
        let guards = guards.map(|guard| placed(GUARDS, guard.name(), guard_document(guard)));
        externals.chain(guards).collect()
    }
}

#[derive(Serialize)]
struct Baseline<'a> {
    name: &'static str,
    namespace: &'a str,
    annotations: Annotations<'a>,
    staged: bool,
}

fn baseline(model: &Model, namespace: &NamespacePolicies) -> Document {
    let about = &namespace.about;
    let annotations = about::owners(about, turn::DENY);
    let weight = 500 + annotations.iter().map(|(key, text)| key.len() + text.len()).sum::<usize>();
    let staged = model.profile.staged;
    let view = Baseline { name: DEFAULT_DENY, namespace: &namespace.namespace, annotations, staged };
    Document::new("", "baseline.yaml.j2", view, weight, about.sources.iter().cloned())
}

#[derive(Serialize)]
struct GuardView<'a> {
    name: String,
    annotations: Annotations<'a>,
    except: Vec<&'a str>,
    isolates: bool,
    denied: Vec<String>,
}

/// Its header names no intent: the project file asks for it.
fn guard_document(guard: &Guard) -> Document {
    let except: Vec<&str> = guard.except().iter().map(|name| &**name).collect();
    let (isolates, denied) = match guard {
        Guard::MetadataDeny { .. } => {
            (false, METADATA.iter().map(|(_, host)| ipnet::IpNet::from(*host).to_string()).collect())
        }
        Guard::DefaultDeny { .. } => (true, vec![]),
    };
    let view = GuardView {
        name: format!("{OWN}{}", guard.name()),
        annotations: about::guard(guard, turn::DENY),
        except,
        isolates,
        denied,
    };
    Document::new("", "guard.yaml.j2", view, guard_weight(guard), [])
}

/// About how many bytes its object has. It is one selector, which cannot be cut: what one object leaves out another would
/// deny.
fn guard_weight(guard: &Guard) -> usize {
    800 + guard.except().iter().map(|name| name.len() + 20).sum::<usize>()
}

#[derive(Serialize)]
struct External<'a> {
    groups: &'a [GroupView<'a>],
}

fn external(listed: &Listed<'_>) -> Document {
    let group = |group: &GroupView<'_>| {
        let annotations: usize = group.annotations.iter().map(|(key, text)| key.len() + text.len() + 10).sum();
        400 + annotations + group.cidrs.iter().map(|range| range.len() + 10).sum::<usize>()
    };
    let weight = listed.groups.iter().map(group).sum();
    let view = External { groups: &listed.groups };
    Document::new("", "external.yaml.j2", view, weight, listed.about.sources.iter().cloned())
}

#[derive(Serialize)]
struct Allow<'a> {
    policies: Vec<PolicyView<'a>>,
}

fn allow<'a>(
    writer: Writer<'a>,
    proxied: &Proxied<'_>,
    namespace: &'a NamespacePolicies,
    errors: &mut Vec<Diagnostic>,
) -> Option<Document> {
    let mut names: Option<BTreeSet<String>> = None;
    let mut proxied = proxied.within(&namespace.namespace);
    let mut sources = Intents::default();
    let mut policies = Vec::with_capacity(namespace.allows.len());
    let mut weight = 0;
    for policy in &namespace.allows {
        let proxied = proxied.may_be(&policy.subject);
        let Some(view) = policy_view(writer, &namespace.namespace, policy, proxied) else { continue };
        sources.extend(&policy.about.sources);
        let whole = limits::weight(&view);
        if whole <= size::MAX_OBJECT {
            weight += whole;
            policies.push(view);
            continue;
        }
        let all_names = || namespace.allows.iter().map(|policy| policy.name.clone()).collect();
        match limits::split(view, names.get_or_insert_with(all_names)) {
            Ok(objects) => {
                weight += objects.iter().map(limits::weight).sum::<usize>();
                policies.extend(objects);
            }
            Err(why) => errors.push(too_large(policy, why)),
        }
    }
    if policies.is_empty() {
        return None;
    }
    Some(Document::new("", "allow.yaml.j2", Allow { policies }, weight, sources.paths()))
}

/// `None` when no rule is left that Cilium could say: a direction without rules is none.
fn policy_view<'a>(
    writer: Writer<'a>,
    namespace: &'a str,
    policy: &'a Policy,
    proxied: bool,
) -> Option<PolicyView<'a>> {
    let mut rules: Vec<view::RuleView<'a>> = vec![];
    for (origin, rule) in policy.rules.iter().enumerate() {
        for rule in writer.rules(policy.direction, origin, rule, proxied) {
            // While HTTP rules are left out, rules that differ in them alone are the same.
            if !rules.iter().any(|known| known.says_the_same(&rule)) {
                rules.push(rule);
            }
        }
    }
    if rules.is_empty() {
        return None;
    }
    Some(PolicyView {
        name: Cow::Borrowed(&policy.name),
        namespace,
        annotations: about::annotations(&policy.about, turn::ALLOW),
        labels: labels::of_pods(&policy.subject).collect(),
        staged: writer.model.profile.staged,
        side: view::side(policy.direction),
        rules,
    })
}

fn too_large(policy: &Policy, why: TooLarge) -> Diagnostic {
    let name = quote(&policy.name);
    let (rule, message, help) = match why {
        TooLarge::Subject => (0, format!("the labels of {name} do not fit into one object"), "select by fewer labels"),
        TooLarge::Peer(rule) => (
            rule,
            format!("one peer of {name} does not fit into one object"),
            "use fewer exceptions or labels, or several ranges with few exceptions each",
        ),
        TooLarge::Http(rule) => {
            (rule, format!("the HTTP rules of {name} do not fit into one object"), "use fewer HTTP rules")
        }
    };
    let limit = format!("kubectl takes objects of up to 256 KiB, netpolc writes up to {} KiB", size::MAX_OBJECT >> 10);
    let diagnostic = match policy.rules.get(rule) {
        Some(rule) => Diagnostic::error(codes::RENDERED, rule.span, message),
        None => Diagnostic::placeless(codes::RENDERED, message),
    };
    diagnostic.note(limit).help(help)
}
