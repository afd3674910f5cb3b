//! What the objects of Cilium mean, by pkg/policy/api and pkg/k8s/apis/cilium.io of cilium/cilium, and by what its own policy
//! engine was seen to do.
//!
//! 1. A CiliumNetworkPolicy governs pods of its own namespace, a CiliumClusterwideNetworkPolicy endpoints of the whole cluster
//!    (see [`selector`](super::selector)), or nodes, by `nodeSelector`. Nodes are not policed here: such a policy says nothing
//!    of pods. A clusterwide subject that only excludes something governs health checks and ingress proxies too: refused where
//!    we write.
//! 2. `spec` is one rule, `specs` are several; each stands for itself. It has one of the two selectors, and a rule in one of its
//!    four lists at least (rule_validation.go).
//! 3. A field of null is not written, and a null in a list is refused ([`nulls`](super::nulls)). An empty list of rules is no
//!    list. `- {}` is a rule without peers and ports: it allows nothing, and the direction has rules (seen in Cilium's own engine).
//! 4. Denials have no host names. One without peers and ports denies nothing; refused where we write, as whoever wrote it meant
//!    something.
//! 5. Which directions are isolated: see [`draft`](super::draft).

use super::above;
use super::cidr::GroupRef;
use super::draft::{Draft, Side};
use super::groups::{self, Group};
use super::layer7::Authentication;
use super::nulls::Specs;
use super::object::{Egress, Icmp, Ingress, Object, PortRule, Spec};
use super::peers::{Lists, NULL, Peers};
use super::ports::{self, Place};
use super::selector::{self, Others, Scope};
use super::{CLUSTERWIDE, GROUP, KUBERNETES};
use crate::dialects::reading::networkpolicy::{self, NetworkPolicy};
use crate::dialects::reading::object::Flag;
use crate::dialects::reading::plain::Placed;
use crate::dialects::reading::{Purpose, Reader};
use crate::model::{Direction, Sym};
use crate::verify::normal::{self, Action, Peer, Selector};

/// The longest word for the logs (CRD).
const MAX_LOG: usize = 32;

/// What one object is.
#[derive(Debug)]
pub(super) enum Item {
    Group(Group),
    Policies(Vec<Draft>),
    /// A policy of Kubernetes, which Cilium takes beside its own.
    Kubernetes(NetworkPolicy),
}

/// A rule, and what is to be added to its peers.
#[derive(Debug)]
pub(super) struct DraftRule {
    pub(super) rule: normal::Rule,
    /// Peers only where they are not limited to the own cluster.
    pub(super) of_any_cluster: Vec<Peer>,
    /// Groups whose ranges are peers.
    pub(super) groups: Vec<GroupRef>,
}

/// What an object says; `None` when an error was told.
pub(super) fn object(with: &mut Reader<'_, '_>, kind: &str) -> Option<Item> {
    match kind {
        GROUP => return groups::read(with).map(Item::Group),
        KUBERNETES => return networkpolicy::read(with).map(Item::Kubernetes),
        _ => {}
    }
    let object: Object<'_> = with.parse()?;
    let kind = with.is(&object.api_version, &object.kind)?;
    if with.purpose == Purpose::Given {
        with.parse::<Specs>()?;
    }
    let top = with.doc.top();
    let Some(metadata) = &object.metadata else {
        return with.error(top, "`metadata` is missing", "write the object's name");
    };
    let name = with.metadata(metadata).map(|(name, _)| name.to_owned());
    let namespace = match kind {
        CLUSTERWIDE => with.no_namespace(metadata).map(|()| None),
        _ => with.namespace(metadata).map(Some),
    };
    // Rules are read also when the names are wrong, so that all errors show at once.
    let own = match &namespace {
        None => Some("".into()),
        Some(namespace) => namespace.clone(),
    };
    let convert = Convert { with, kind, own };
    let drafts = convert.policies(&object, name.clone().unwrap_or_default());
    name.and(namespace)?;
    drafts.map(Item::Policies)
}

struct Convert<'r, 'd, 's> {
    with: &'r mut Reader<'d, 's>,
    kind: &'static str,
    /// The namespace of a policy that is in one.
    own: Option<Sym>,
}

/// A list of rules.
type Rules<'r, T> = Option<&'r [Placed<Option<T>>]>;

/// Who is governed.
enum Subject {
    /// Pods, if any, and maybe endpoints of which nothing is known yet.
    Pods { selector: Option<Selector>, starting: bool },
    /// Nodes.
    Nodes,
}

/// The parts of a rule that both directions have.
struct Parts<'r, 'a> {
    lists: Lists<'r, 'a>,
    ports: Option<&'r [Option<PortRule<'a>>]>,
    icmps: Option<&'r [Option<Icmp<'a>>]>,
    authentication: Option<&'r Authentication<'a>>,
}

impl Convert<'_, '_, '_> {
    /// 2.
    fn policies(mut self, object: &Object<'_>, name: String) -> Option<Vec<Draft>> {
        let top = self.with.doc.top();
        let several = object.specs.iter().flatten().map(Option::as_ref);
        let all: Vec<Option<&Spec<'_>>> = object.spec.iter().map(Some).chain(several).collect();
        if all.is_empty() && (object.specs.is_none() || self.rendered()) {
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

    fn rendered(&self) -> bool {
        self.with.purpose == Purpose::Rendered
    }

    fn policy(&mut self, spec: Option<&Spec<'_>>, name: &str) -> Option<Draft> {
        let span = self.with.doc.top();
        let Some(spec) = spec else {
            return self.with.error(span, "null stands where a rule is expected", NULL);
        };
        self.words(spec)?;
        let subject = self.subject(spec);
        let own = self.own.clone();
        let scope = match (&own, &subject) {
            (Some(own), _) => Scope::Own(own),
            (None, Some(Subject::Pods { starting: true, .. })) => Scope::Starting,
            (None, _) => Scope::Cluster,
        };
        let nodes = matches!(subject, Some(Subject::Nodes));
        let rules = self.rules(spec.ingress.as_deref(), spec.egress.as_deref(), scope, false);
        let denies = self.rules(spec.ingress_deny.as_deref(), spec.egress_deny.as_deref(), scope, true);
        let said = spec.enable_default_deny.as_ref();
        let ingress = self.flag(said.and_then(|said| said.ingress.as_ref()));
        let egress = self.flag(said.and_then(|said| said.egress.as_ref()));
        let has = |count: Option<usize>| count.is_some_and(|count| count > 0);
        let sides = [
            Side {
                direction: Direction::Ingress,
                said: ingress?,
                allows: has(spec.ingress.as_ref().map(Vec::len)),
                denies: has(spec.ingress_deny.as_ref().map(Vec::len)),
            },
            Side {
                direction: Direction::Egress,
                said: egress?,
                allows: has(spec.egress.as_ref().map(Vec::len)),
                denies: has(spec.egress_deny.as_ref().map(Vec::len)),
            },
        ];
        if !sides.iter().any(|side| side.allows || side.denies) {
            let help = "write what it allows; `- {}` is a rule that allows nothing";
            return self.with.error(span, "a policy without rules, which Cilium does not take", help);
        }
        let (subject, rules, denies) = (subject?, rules?, denies?);
        let http = |draft: &DraftRule| !draft.rule.http.is_empty();
        if nodes && rules.iter().any(http) {
            let help = "remove `rules`, or select endpoints";
            return self.with.error(span, "rules above the ports of nodes, which Cilium does not take", help);
        }
        let (subject, mut notes) = match subject {
            Subject::Pods { selector: None, .. } => (None, vec![NO_PODS]),
            Subject::Pods { selector, .. } => (selector, vec![]),
            Subject::Nodes => (None, vec![OF_NODES]),
        };
        notes.extend(sides.iter().any(Side::is_empty_promise).then_some(PROMISE));
        let draft = Draft {
            name: name.to_owned(),
            kind: self.kind,
            namespace: own,
            subject,
            sides,
            rules,
            denies,
            notes,
            span,
        };
        match self.rendered() {
            true => draft.checked(self.with),
            false => Some(draft),
        }
    }

    /// What is said to people and to logs.
    fn words(&mut self, spec: &Spec<'_>) -> Option<()> {
        if let Some(text) = &spec.description {
            self.with.string(text)?;
        }
        if let Some(text) = spec.log.as_ref().and_then(|log| log.value.as_ref()) {
            let place = self.with.doc.place(text);
            let word = self.with.string(text)?;
            if word.chars().count() > MAX_LOG || word.chars().any(char::is_control) {
                let help = "write at most 32 characters, none of them a control character";
                return self.with.error(place, "a word for the logs that Cilium does not take", help);
            }
        }
        for label in spec.labels.iter().flatten() {
            let Some(label) = label.as_ref().filter(|label| label.key.is_some()) else {
                let top = self.with.doc.top();
                return self.with.error(top, "a label of the policy without a `key`", "write it, or remove the label");
            };
            for text in [&label.key, &label.value, &label.source].into_iter().flatten() {
                self.with.string(text)?;
            }
        }
        Some(())
    }

    /// 1.
    fn subject(&mut self, spec: &Spec<'_>) -> Option<Subject> {
        let top = self.with.doc.top();
        let written = match (&spec.endpoint_selector, &spec.node_selector) {
            (Some(written), None) => written,
            (None, Some(written)) if self.own.is_none() && !self.rendered() => {
                selector::requirements(self.with, written)?;
                return Some(Subject::Nodes);
            }
            (Some(_), Some(_)) => {
                let message = "`endpointSelector` beside `nodeSelector`, which Cilium does not take";
                return self.with.error(top, message, "write two policies");
            }
            (None, Some(_)) => {
                let help = "write a CiliumClusterwideNetworkPolicy of its own, by hand";
                return self.with.error(top, "`nodeSelector` governs nodes, which have no place here", help);
            }
            (None, None) => {
                let help = "write `endpointSelector: {}` if every pod is meant";
                return self.with.error(top, "`endpointSelector` is missing", help);
            }
        };
        let all = selector::requirements(self.with, written)?;
        let starting = all.iter().any(selector::Requirement::is_of_starting);
        let scope = self.own.as_ref().map_or(Scope::Cluster, Scope::Own);
        let (selector, others) = selector::subject(self.with, all, scope)?;
        if self.rendered() && (others != Others::None || selector.is_none()) {
            let message = "`endpointSelector` holds endpoints that are no pods, as health checks and ingress proxies";
            let help = "ask for a namespace: key `k8s:io.kubernetes.pod.namespace`, operator `Exists`";
            return self.with.error(top, message, help);
        }
        Some(Subject::Pods { selector, starting })
    }

    /// A boolean by the words that every reader of YAML takes for one: `yes` is a string to some.
    fn flag(&mut self, flag: Option<&Placed<Flag>>) -> Option<Option<bool>> {
        let Some(flag) = flag else { return Some(None) };
        let on = flag.value.0;
        let line = self.with.doc.line_of(flag);
        match self.with.doc.text_of(line).contains(if on { "true" } else { "false" }) {
            true => Some(Some(on)),
            false => self.with.error(line, "booleans are `true` and `false`", "write one of them"),
        }
    }

    fn rules(
        &mut self,
        ingress: Rules<'_, Ingress<'_>>,
        egress: Rules<'_, Egress<'_>>,
        scope: Scope<'_>,
        deny: bool,
    ) -> Option<Vec<DraftRule>> {
        let mut out = vec![];
        let mut failed = false;
        for rule in ingress.unwrap_or_default() {
            let at = Place { direction: Direction::Ingress, deny, span: self.with.doc.line_of(rule) };
            let parts = rule.value.as_ref().map(|rule| Parts {
                lists: Lists::of_ingress(rule),
                ports: rule.to_ports.as_deref(),
                icmps: rule.icmps.as_deref(),
                authentication: rule.authentication.as_ref(),
            });
            match self.rule(parts, scope, at) {
                Some(rules) => out.extend(rules),
                None => failed = true,
            }
        }
        for rule in egress.unwrap_or_default() {
            let at = Place { direction: Direction::Egress, deny, span: self.with.doc.line_of(rule) };
            if deny && rule.value.as_ref().is_some_and(|rule| rule.to_fqdns.is_some()) {
                failed = true;
                self.with.error::<()>(at.span, "a denial of host names, which Cilium does not take", "name addresses");
                continue;
            }
            let parts = rule.value.as_ref().map(|rule| Parts {
                lists: Lists::of_egress(rule),
                ports: rule.to_ports.as_deref(),
                icmps: rule.icmps.as_deref(),
                authentication: rule.authentication.as_ref(),
            });
            match self.rule(parts, scope, at) {
                Some(rules) => out.extend(rules),
                None => failed = true,
            }
        }
        (!failed).then_some(out)
    }

    /// 3. One rule for each meaning of its ports.
    fn rule(&mut self, parts: Option<Parts<'_, '_>>, scope: Scope<'_>, at: Place) -> Option<Vec<DraftRule>> {
        let Some(parts) = parts else {
            return self.with.error(at.span, "null stands where a rule is expected", NULL);
        };
        let peers = parts.lists.read(self.with, at.span, scope);
        let ports = ports::read(self.with, parts.ports, parts.icmps, at);
        let held = above::authentication(self.with, parts.authentication, at)?;
        let (peers, ports) = (peers?, ports?);
        let everywhere = parts.ports.is_none_or(<[_]>::is_empty) && parts.icmps.is_none_or(<[_]>::is_empty);
        let Peers { peers, of_any_cluster, groups, provided } = match peers {
            Some(peers) => peers,
            None if everywhere && at.deny && self.rendered() => {
                return self.with.error(at.span, "a denial of nothing", "write whom and what it denies, or remove it");
            }
            None if everywhere => return Some(vec![]),
            None => Peers { peers: vec![Peer::Anyone], ..Peers::default() },
        };
        let action = if at.deny { Action::Deny } else { Action::Allow };
        let draft = |(entry, peers): (ports::Entry, Vec<Peer>)| {
            let above = above::with_held(entry.above, held.as_ref());
            let rule = normal::Rule {
                ports: entry.ports,
                named: entry.named,
                others: entry.others,
                http: above.http,
                dns_proxy: above.dns_proxy,
                provided: provided.or(entry.provided),
                ..normal::Rule::new(at.direction, action, peers, at.span)
            };
            DraftRule { rule, of_any_cluster: of_any_cluster.clone(), groups: groups.clone() }
        };
        let is_some = |draft: &DraftRule| {
            let rule = &draft.rule;
            rule.others || !rule.ports.is_empty() || !rule.named.is_empty()
        };
        let peers = std::iter::repeat_n(peers, ports.len());
        Some(ports.into_iter().zip(peers).map(draft).filter(is_some).collect())
    }
}

/// What people should know.
const NO_PODS: &str = "some policies govern endpoints that are no pods: they are left out";
const OF_NODES: &str = "some policies govern nodes, which are not looked at: they are left out";
const PROMISE: &str =
    "`enableDefaultDeny` of a direction without rules denies nothing (cilium#35558): write an empty rule, `- {}`";
