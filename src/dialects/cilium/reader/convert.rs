//! What the objects of Cilium mean, by pkg/policy/api and pkg/k8s/apis/cilium.io of cilium/cilium, and by what its own policy
//! engine was seen to do.
//!
//! 1. A CiliumNetworkPolicy governs pods of its own namespace: an `endpointSelector` that names another is overwritten by the
//!    agent (ParseToCiliumRule), so it is refused. A CiliumClusterwideNetworkPolicy governs endpoints of the whole cluster. A
//!    selector that only excludes namespaces, or none, would govern health checks and ingress proxies too: it must ask for
//!    some namespace, or for labels of pods.
//! 2. `spec` is one rule, `specs` are several; each stands for itself.
//! 3. A rule isolates a direction when `enableDefaultDeny` says so for it, or, where that says nothing, when the direction has
//!    rules or denials (Rule.Sanitize). Without any of them it isolates nothing, whatever `enableDefaultDeny` says
//!    (cilium#35558): such a promise is refused. A rule needs at least one of the four lists (CRD).
//! 4. An empty list of rules is no list. `- {}` is a rule without peers and ports: it allows nothing, and the direction has
//!    rules (seen in Cilium's own engine).
//! 5. With `enableDefaultDeny` off both ways and permissions alone, a policy enforces nothing by itself: it is staged, and
//!    what it would isolate are the directions that have rules. Denials and HTTP rules are enforced all the same
//!    (docs.cilium.io, "Endpoint default policy"), so neither may stand in such a policy.
//! 6. Denials beat every permission. They have no layer 7 and no host names. One without peers and ports denies nothing, and
//!    is refused: whoever wrote it meant something.
//! 7. A range of prefix length 0 matches no traffic where a group holds it (cilium#39688, cilium#48366): refused there. In a
//!    rule itself it is the world.

use ipnet::IpNet;
use serde_saphyr::Spanned;

use super::groups::Group;
use super::object::{Egress, Flag, Ingress, Object, PortRule, Spec};
use super::peers::{Lists, NULL, Peers};
use super::ports::{self, Place};
use super::selector::{self, Selected};
use super::{CLUSTERWIDE, GROUP};
use crate::diag::quote;
use crate::dialects::reading::Reader;
use crate::dialects::reading::text::Text;
use crate::model::{Direction, Labels, Sym};
use crate::source::Span;
use crate::verify::normal::{self, Action, Peer};
use crate::verify::sum::Scope;

/// The longest name of a group: it becomes the name of a label (api/cidr.go, LabelForCIDRGroupRef), and a selector by a longer
/// one is invalid and matches nothing (api/selector.go).
const MAX_GROUP_NAME: usize = 63;

/// What one object is.
#[derive(Debug)]
pub(super) enum Item {
    Group(Group),
    Policies(Vec<Draft>),
}

/// A policy whose groups are not resolved yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) cluster_scoped: bool,
    /// Any of these.
    pub(super) subjects: Vec<(Scope, Labels)>,
    pub(super) isolates: Vec<Direction>,
    pub(super) rules: Vec<DraftRule>,
    pub(super) denies: Vec<DraftRule>,
    pub(super) staged: bool,
    pub(super) span: Span,
}

/// A rule, and the groups whose ranges are to be added to its peers.
#[derive(Debug)]
pub(super) struct DraftRule {
    pub(super) rule: normal::Rule,
    pub(super) groups: Vec<(String, Span)>,
}

/// What an object says; `None` when an error was told.
pub(super) fn object(with: &mut Reader<'_, '_>, _: &str) -> Option<Item> {
    let object: Object<'_> = with.parse()?;
    let kind = with.is(&object.api_version, &object.kind)?;
    let top = with.doc.top();
    let Some(metadata) = &object.metadata else {
        return with.error(top, "`metadata` is missing", "write the object's name");
    };
    let name = with.metadata(metadata).map(|(name, _)| name);
    let namespace = match kind {
        CLUSTERWIDE | GROUP => with.no_namespace(metadata).map(|()| None),
        _ => with.namespace(metadata).map(|namespace| Some(Sym::from(namespace))),
    };
    if kind == GROUP {
        return group(with, &object, name?).filter(|_| namespace.is_some()).map(Item::Group);
    }
    // Rules are read also when the names are wrong, so that all errors show at once.
    let own = match &namespace {
        None => Some("".into()),
        Some(namespace) => namespace.clone(),
    };
    let convert = Convert { with, own };
    let drafts = convert.policies(&object, name.clone().unwrap_or_default());
    name.and(namespace)?;
    drafts.map(Item::Policies)
}

fn group(with: &mut Reader<'_, '_>, object: &Object<'_>, name: String) -> Option<Group> {
    let span = with.doc.top();
    let list = object.spec.as_ref().and_then(|spec| spec.external_cidrs.as_deref());
    let Some(list) = list.filter(|_| object.specs.is_none()) else {
        return with.error(span, "`externalCIDRs` are missing", "write the ranges that the group holds");
    };
    if object.spec.as_ref().is_some_and(|spec| spec.is_policy()) {
        return with.error(span, "a group of addresses holds nothing but `externalCIDRs`", "remove the other fields");
    }
    if name.len() > MAX_GROUP_NAME {
        let message = format!("the name {} is longer than {MAX_GROUP_NAME} characters", quote(&name));
        return with.error(span, message, "shorten it: Cilium makes a label of it");
    }
    let read: Vec<_> = list.iter().map(|text| of_group(with, text)).collect();
    Some(Group { name, cidrs: read.into_iter().collect::<Option<_>>()?, span })
}

/// 7.
fn of_group(with: &mut Reader<'_, '_>, text: &Text<'_>) -> Option<IpNet> {
    let range = with.cidr(text)?;
    if range.prefix_len() == 0 {
        let place = with.doc.place(text);
        let message = format!("a group with {range} selects nothing by it");
        return with.error(place, message, "write it as two halves, of prefix length 1");
    }
    Some(range)
}

impl Spec<'_> {
    fn is_policy(&self) -> bool {
        self.endpoint_selector.is_some()
            || self.enable_default_deny.is_some()
            || self.ingress.is_some()
            || self.egress.is_some()
            || self.ingress_deny.is_some()
            || self.egress_deny.is_some()
            || self.description.is_some()
    }
}

struct Convert<'r, 'd, 's> {
    with: &'r mut Reader<'d, 's>,
    /// The namespace of a policy that is in one.
    own: Option<Sym>,
}

/// A list of rules.
type Rules<'r, T> = Option<&'r [Spanned<Option<T>>]>;

impl Convert<'_, '_, '_> {
    /// 2.
    fn policies(mut self, object: &Object<'_>, name: String) -> Option<Vec<Draft>> {
        let top = self.with.doc.top();
        let several = object.specs.iter().flatten().map(Option::as_ref);
        let all: Vec<Option<&Spec<'_>>> = object.spec.iter().map(Some).chain(several).collect();
        if all.is_empty() {
            return self.with.error(top, "`spec` is missing", "write whom the policy selects and what it allows");
        }
        let mut drafts = vec![];
        let mut failed = false;
        for spec in all {
            match self.policy(spec, &name) {
                Some(draft) => drafts.push(draft),
                None => failed = true,
            }
        }
        (!failed).then_some(drafts)
    }

    fn policy(&mut self, spec: Option<&Spec<'_>>, name: &str) -> Option<Draft> {
        let span = self.with.doc.top();
        let Some(spec) = spec else {
            return self.with.error(span, "null stands where a rule is expected", NULL);
        };
        if spec.external_cidrs.is_some() {
            return self.with.error(span, "a policy has no `externalCIDRs`", "remove the field");
        }
        if let Some(text) = &spec.description {
            self.with.string(text)?;
        }
        let subjects = self.subjects(spec);
        let rules = self.rules(spec.ingress.as_deref(), spec.egress.as_deref(), false);
        let denies = self.rules(spec.ingress_deny.as_deref(), spec.egress_deny.as_deref(), true);
        let posture = self.posture(spec);
        let (subjects, rules, denies) = (subjects?, rules?, denies?);
        let (isolates, staged) = posture?;
        if staged && rules.iter().any(|draft| !draft.rule.http.is_empty()) {
            let help = "leave the HTTP rules out, or let the policy deny by default";
            return self.with.error(span, "HTTP rules without default deny, which are enforced all the same", help);
        }
        let cluster_scoped = self.own.is_none();
        Some(Draft { name: name.to_owned(), cluster_scoped, subjects, isolates, rules, denies, staged, span })
    }

    /// 1.
    fn subjects(&mut self, spec: &Spec<'_>) -> Option<Vec<(Scope, Labels)>> {
        let top = self.with.doc.top();
        let Some(selector) = &spec.endpoint_selector else {
            let help = "write `endpointSelector: {}` if every pod is meant";
            return self.with.error(top, "`endpointSelector` is missing", help);
        };
        let all = selector::selected(self.with, selector, top)?;
        let mut out = vec![];
        for selected in all {
            if !selected.namespace_labels.is_empty() {
                let help = "name the namespace";
                return self.with.error(top, "pods selected by labels of their namespace are not supported", help);
            }
            let scope = match &self.own {
                Some(own) => of_namespace(&selected, own).map_err(|(message, help)| (message.to_owned(), help)),
                None => of_cluster(&selected).map_err(|(message, help)| (message.to_owned(), help)),
            };
            match scope {
                Ok(scope) => out.push((scope, selected.pods)),
                Err((message, help)) => return self.with.error(top, message, help),
            }
        }
        Some(out)
    }

    /// 3., 5. The directions that are isolated, and whether the policy is staged.
    fn posture(&mut self, spec: &Spec<'_>) -> Option<(Vec<Direction>, bool)> {
        let top = self.with.doc.top();
        let lists =
            [spec.ingress.is_some(), spec.egress.is_some(), spec.ingress_deny.is_some(), spec.egress_deny.is_some()];
        if !lists.contains(&true) {
            return self.with.error(top, "a policy without rules, which Cilium does not take", "write what it allows");
        }
        let has = |count: Option<usize>| count.is_some_and(|count| count > 0);
        let ingress = has(spec.ingress.as_ref().map(Vec::len));
        let egress = has(spec.egress.as_ref().map(Vec::len));
        let ingress_deny = has(spec.ingress_deny.as_ref().map(Vec::len));
        let egress_deny = has(spec.egress_deny.as_ref().map(Vec::len));
        let said = spec.enable_default_deny.as_ref();
        let of_ingress = self.flag(said.and_then(|said| said.ingress.as_ref()))?;
        let of_egress = self.flag(said.and_then(|said| said.egress.as_ref()))?;
        let denies = ingress_deny || egress_deny;
        let off = (of_ingress, of_egress) == (Some(false), Some(false));
        if off && denies && (ingress || egress) {
            let help = "write two policies: permissions in one, denials in the other";
            return self.with.error(
                top,
                "permissions beside denials without default deny: only the denials are enforced",
                help,
            );
        }
        let staged = off && !denies && (ingress || egress);
        let directions = [
            (Direction::Ingress, of_ingress.filter(|_| !staged), ingress || ingress_deny, "ingress"),
            (Direction::Egress, of_egress.filter(|_| !staged), egress || egress_deny, "egress"),
        ];
        let mut isolates = vec![];
        for (direction, said, has_rules, word) in directions {
            if said == Some(true) && !has_rules {
                let message =
                    format!("`enableDefaultDeny` of `{word}` without a rule of that direction denies nothing");
                return self.with.error(top, message, "add an empty rule: `- {}`");
            }
            if said.unwrap_or(has_rules) && has_rules {
                isolates.push(direction);
            }
        }
        Some((isolates, staged))
    }

    /// A boolean by the words that every reader of YAML takes for one: `yes` is a string to some.
    fn flag(&mut self, flag: Option<&Spanned<Flag>>) -> Option<Option<bool>> {
        let Some(flag) = flag else { return Some(None) };
        let on = flag.value.0;
        let line = flag.referenced.line();
        let written = usize::try_from(line).ok().and_then(|line| self.with.doc.text.lines().nth(line.checked_sub(1)?));
        match written.is_some_and(|written| written.contains(if on { "true" } else { "false" })) {
            true => Some(Some(on)),
            false => self.with.error(self.with.doc.line(line), "booleans are `true` and `false`", "write one of them"),
        }
    }

    fn rules(
        &mut self,
        ingress: Rules<'_, Ingress<'_>>,
        egress: Rules<'_, Egress<'_>>,
        deny: bool,
    ) -> Option<Vec<DraftRule>> {
        let mut out = vec![];
        let mut failed = false;
        for rule in ingress.unwrap_or_default() {
            let at = Place { direction: Direction::Ingress, deny, span: self.with.doc.line(rule.referenced.line()) };
            let parts = rule.value.as_ref().map(|rule| (Lists::of_ingress(rule), rule.to_ports.as_deref()));
            match self.rule(parts, at) {
                Some(rules) => out.extend(rules),
                None => failed = true,
            }
        }
        for rule in egress.unwrap_or_default() {
            let at = Place { direction: Direction::Egress, deny, span: self.with.doc.line(rule.referenced.line()) };
            if deny && rule.value.as_ref().is_some_and(|rule| rule.to_fqdns.is_some()) {
                failed = true;
                self.with.error::<()>(at.span, "a denial of host names, which Cilium does not take", "name addresses");
                continue;
            }
            let parts = rule.value.as_ref().map(|rule| (Lists::of_egress(rule), rule.to_ports.as_deref()));
            match self.rule(parts, at) {
                Some(rules) => out.extend(rules),
                None => failed = true,
            }
        }
        (!failed).then_some(out)
    }

    /// 4. One rule for each meaning of its ports.
    fn rule(
        &mut self,
        parts: Option<(Lists<'_, '_>, Option<&[Option<PortRule<'_>>]>)>,
        at: Place,
    ) -> Option<Vec<DraftRule>> {
        let Some((lists, to_ports)) = parts else {
            return self.with.error(at.span, "null stands where a rule is expected", NULL);
        };
        let peers = lists.read(self.with, at.span, self.own.as_ref());
        let ports = ports::read(self.with, to_ports, at);
        let (peers, ports) = (peers?, ports?);
        let Peers { peers, groups } = match peers {
            Some(peers) => peers,
            None if to_ports.is_none_or(<[_]>::is_empty) && at.deny => {
                return self.with.error(at.span, "a denial of nothing", "write whom and what it denies, or remove it");
            }
            None if to_ports.is_none_or(<[_]>::is_empty) => return Some(vec![]),
            None => Peers { peers: vec![Peer::Anyone], groups: vec![] },
        };
        let draft = |entry: ports::Entry| DraftRule {
            rule: normal::Rule {
                ports: entry.ports,
                others: entry.others,
                http: entry.http,
                dns_proxy: entry.dns_proxy,
                ..normal::Rule::new(at.direction, Action::Allow, peers.clone(), at.span)
            },
            groups: groups.clone(),
        };
        Some(ports.into_iter().map(draft).collect())
    }
}

/// What a scope cannot be, and what to do.
type Refused = (&'static str, &'static str);

/// 1. The policy's own namespace.
fn of_namespace(selected: &Selected, own: &Sym) -> Result<Scope, Refused> {
    let other = selected.namespace.as_ref().is_some_and(|name| name != own);
    if other || !selected.not_in.is_empty() {
        return Err((
            "a policy selects pods of its own namespace only, whatever its `endpointSelector` names",
            "remove the namespace from `endpointSelector`, or move the policy",
        ));
    }
    Ok(Scope::Namespace(own.clone()))
}

/// 1. The whole cluster.
fn of_cluster(selected: &Selected) -> Result<Scope, Refused> {
    match &selected.namespace {
        Some(name) if selected.not_in.contains(name) => {
            Err(("a selector that no pod can match", "remove the contradiction"))
        }
        Some(name) => Ok(Scope::Namespace(name.clone())),
        None if selected.any_namespace || !selected.pods.is_empty() => {
            Ok(Scope::AllBut(selected.not_in.iter().cloned().collect()))
        }
        None => Err((
            "`endpointSelector` holds endpoints that are no pods, as health checks and ingress proxies",
            "ask for a namespace: key `k8s:io.kubernetes.pod.namespace`, operator `Exists`",
        )),
    }
}
