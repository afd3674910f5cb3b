//! What one object of projectcalico.org/v3 says, as far as it can be told without the others.
//!
//! Sources: the CustomResourceDefinitions, `libcalico-go/lib/validator/v3` (what is valid),
//! `libcalico-go/lib/backend/syncersv1/updateprocessors` (what selectors mean), `felix/calc` and `felix/rules` (order).
//!
//! 1. `types` missing: Egress if there are egress rules, Ingress if there are ingress rules or no rules at all. Rules of a
//!    direction that `types` leaves out are inert.
//! 2. A policy without `namespaceSelector` also governs host endpoints: refused.
//! 3. A rule without source and destination is about all traffic. `source` is the other end of ingress, `destination` that
//!    of egress; what is asked of the policy's own side beyond ports is refused.
//! 4. In a rule, `selector` without `namespaceSelector` reaches every namespace and every set: refused. `global()` reaches
//!    what is in no namespace: sets, and host endpoints.
//! 5. `nets` match whatever has such an address, pods too. `notNets` are exceptions from them; a rule's nets are of one
//!    family. Beside selectors both must hold: refused.
//! 6. Ports need TCP, UDP or SCTP, as name or number; `80`, or `8000:8100` with both ends. No ports: all. No protocol: all.
//! 7. The API server limits: 1024 rules a direction, 256 nets, 50 ports, selectors of 1024 characters.
//! 8. A name is `name` or `tier.name` (`names.ValidateTieredPolicyName`). Releases that demand the prefix outside of tier
//!    `default` refuse the object without it, and none reads it otherwise.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde_saphyr::Spanned;

use super::object::{Entity, Manifest, Number, PolicySpec, Refused, Rule, SetSpec, TierSpec};
use super::selector::{self, Refusal, Selector};
use super::{SET, STAGED, TIER, select};
use crate::diag::quote;
use crate::dialects::reading::object::{Metadata, PortValue};
use crate::dialects::reading::text::Text;
use crate::dialects::reading::{Reader, validity};
use crate::model::{Direction, Labels, Protocol};
use crate::source::Span;
use crate::verify::normal::{Namespaces, Peer, Ports, Scope};

/// The tier of a policy that names none.
pub(super) const DEFAULT_TIER: &str = "default";
/// Tiers that Calico makes itself.
const BUILT_IN: [&str; 5] =
    [DEFAULT_TIER, "kube-admin", "kube-baseline", "adminnetworkpolicy", "baselineadminnetworkpolicy"];
/// 7.
const MAX_RULES: usize = 1024;
const MAX_NETS: usize = 256;
const MAX_PORTS: usize = 50;

/// One object.
#[derive(Debug)]
pub(super) enum Object {
    /// A policy.
    Policy(Policy),
    /// Addresses under labels.
    Set(Set),
    /// A tier.
    Tier(Tier),
}

#[derive(Debug)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) staged: bool,
    pub(super) tier: String,
    /// None: after every other.
    pub(super) order: Option<f64>,
    /// Never empty.
    pub(super) scopes: Vec<Scope>,
    /// Never empty.
    pub(super) subjects: Vec<Labels>,
    /// Directions that it polices, each with its rules in their order.
    pub(super) sides: Vec<(Direction, Vec<Said>)>,
    pub(super) span: Span,
}

/// One rule.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) action: Action,
    pub(super) peers: Peers,
    pub(super) ports: Vec<Ports>,
    /// It is about all traffic of its direction.
    pub(super) is_every: bool,
    pub(super) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Allow,
    Deny,
    Log,
}

/// Who is at the other end.
#[derive(Debug)]
pub(super) enum Peers {
    Known(Vec<Peer>),
    /// Sets that carry labels; with the text, by which equal ones are told.
    Sets(String, Selector),
}

#[derive(Debug)]
pub(super) struct Set {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) nets: BTreeSet<IpNet>,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct Tier {
    pub(super) name: String,
    pub(super) order: Option<f64>,
    /// Its end hands over to the next tier, instead of denying.
    pub(super) passes: bool,
    pub(super) span: Span,
}

/// What an object says; `None` when an error was told.
pub(super) fn object(reader: &mut Reader<'_, '_>, kind: &str) -> Option<Object> {
    match kind {
        SET => {
            let manifest: Manifest<'_, SetSpec<'_>> = reader.parse()?;
            let mut convert = Convert { with: reader };
            let (metadata, spec) = convert.manifest(&manifest)?;
            convert.set(metadata, spec).map(Object::Set)
        }
        TIER => {
            let manifest: Manifest<'_, TierSpec<'_>> = reader.parse()?;
            let mut convert = Convert { with: reader };
            let (metadata, spec) = convert.manifest(&manifest)?;
            convert.tier(metadata, spec).map(Object::Tier)
        }
        _ => {
            let manifest: Manifest<'_, PolicySpec<'_>> = reader.parse()?;
            let mut convert = Convert { with: reader };
            let (metadata, spec) = convert.manifest(&manifest)?;
            convert.policy(metadata, spec, kind == STAGED).map(Object::Policy)
        }
    }
}

struct Convert<'r, 'd, 's> {
    with: &'r mut Reader<'d, 's>,
}

impl Convert<'_, '_, '_> {
    fn error<T>(&mut self, span: Span, message: impl Into<String>, help: &str) -> Option<T> {
        self.with.error(span, message, help)
    }

    fn refusal<T>(&mut self, text: &Text<'_>, (message, help): Refusal) -> Option<T> {
        let span = self.with.doc.place(text);
        self.error(span, message, help)
    }

    fn manifest<'m, 'a, S>(&mut self, manifest: &'m Manifest<'a, S>) -> Option<(&'m Metadata<'a>, &'m S)> {
        self.with.is(&manifest.api_version, &manifest.kind)?;
        let top = self.with.doc.top();
        let Some(metadata) = &manifest.metadata else {
            return self.error(top, "`metadata` is missing", "write the object's name");
        };
        let Some(spec) = &manifest.spec else {
            return self.error(top, "`spec` is missing", "write what the object says");
        };
        Some((metadata, spec))
    }

    /// Name and labels of an object that is in no namespace.
    fn named(&mut self, metadata: &Metadata<'_>) -> Option<(String, Vec<(String, String)>)> {
        let named = self.with.metadata(metadata);
        self.with.no_namespace(metadata)?;
        named
    }

    fn set(&mut self, metadata: &Metadata<'_>, spec: &SetSpec<'_>) -> Option<Set> {
        let span = self.with.doc.top();
        let named = self.named(metadata);
        let mut nets = BTreeSet::new();
        let mut failed = false;
        for text in spec.nets.iter().flatten() {
            match self.with.cidr(text) {
                Some(net) if !nets.insert(net) => {
                    let place = self.with.doc.place(text);
                    self.error::<()>(place, format!("the range {net} is written twice"), "remove one");
                }
                Some(_) => {}
                None => failed = true,
            }
        }
        let (name, labels) = named?;
        if failed {
            return None;
        }
        // Calico tells by this label what is in a namespace (`validateGlobalNetworkSet`).
        if labels.iter().any(|(key, _)| key == "projectcalico.org/namespace") {
            return self.error(span, "a global set cannot be in a namespace", "remove the label");
        }
        Some(Set { name, labels, nets, span })
    }

    fn tier(&mut self, metadata: &Metadata<'_>, spec: &TierSpec<'_>) -> Option<Tier> {
        let span = self.with.doc.top();
        let (name, _) = self.named(metadata)?;
        if !validity::is_dns_label(&name) {
            return self.error(
                self.with.doc.place(&metadata.name),
                "this is no name of a tier",
                "write at most 63 lower-case letters, digits and hyphens",
            );
        }
        if BUILT_IN.contains(&name.as_str()) {
            let message = format!("the tier {} is Calico's own", quote(&name));
            return self.error(self.with.doc.place(&metadata.name), message, "write a tier of another name");
        }
        let passes = match &spec.default_action {
            None => false,
            Some(text) => match self.with.string(text)? {
                "Pass" => true,
                "Deny" => false,
                other => {
                    let message = format!("{} is no end of a tier", quote(other));
                    return self.error(self.with.doc.place(text), message, "write `Pass` or `Deny`");
                }
            },
        };
        Some(Tier { name, order: number(spec.order.as_ref()), passes, span })
    }

    fn policy(&mut self, metadata: &Metadata<'_>, spec: &PolicySpec<'_>, staged: bool) -> Option<Policy> {
        let span = self.with.doc.top();
        let named = self.named(metadata).map(|(name, _)| name);
        for (name, field) in [
            ("serviceAccountSelector", &spec.service_account_selector),
            ("applyOnForward", &spec.apply_on_forward),
            ("doNotTrack", &spec.do_not_track),
            ("preDNAT", &spec.pre_dnat),
            ("performanceHints", &spec.performance_hints),
        ] {
            self.refuse(name, field);
        }
        self.staged_action(spec, staged);
        let tier = self.policy_tier(metadata, spec, named.as_deref());
        let scopes = self.scopes(spec);
        let subjects = match &spec.selector {
            None => Some(vec![Labels::default()]),
            Some(text) => self.pods(text),
        };
        let sides = self.sides(spec);
        let (name, tier, scopes, subjects, sides) = (named?, tier?, scopes?, subjects?, sides?);
        Some(Policy { name, staged, tier, order: number(spec.order.as_ref()), scopes, subjects, sides, span })
    }

    /// A field that may well be valid, and whose meaning the normal form cannot hold.
    fn refuse(&mut self, name: &str, field: &Refused) {
        if let Some(field) = field {
            let span = self.with.doc.line(field.referenced.line());
            self.error::<()>(span, format!("`{name}` is not supported"), "say it by selectors, nets and ports");
        }
    }

    fn staged_action(&mut self, spec: &PolicySpec<'_>, staged: bool) {
        let Some(text) = &spec.staged_action else { return };
        let place = self.with.doc.place(text);
        match (staged, self.with.string(text)) {
            (true, Some("Set")) | (_, None) => {}
            (true, Some(other)) => {
                let message = format!("the staged action {} is not supported", quote(other));
                self.error::<()>(place, message, "write `Set`, or remove the policy");
            }
            (false, Some(_)) => {
                self.error::<()>(place, "an enforced policy has no `stagedAction`", "remove the field");
            }
        }
    }

    /// 8.
    fn policy_tier(&mut self, metadata: &Metadata<'_>, spec: &PolicySpec<'_>, name: Option<&str>) -> Option<String> {
        let tier = match &spec.tier {
            None => DEFAULT_TIER,
            Some(text) => match self.with.string(text)? {
                tier if validity::is_dns_label(tier) => tier,
                _ => {
                    let place = self.with.doc.place(text);
                    return self.error(place, "this is no name of a tier", "write lower-case letters, digits, hyphens");
                }
            },
        };
        let fits = match name?.split_once('.') {
            None => true,
            Some((prefix, rest)) => prefix == tier && !rest.contains('.'),
        };
        if fits {
            return Some(tier.to_owned());
        }
        let message = format!("the name of a policy of the tier {} cannot be this", quote(tier));
        let help = format!("write a name without dots, or `{tier}.` before it");
        self.error(self.with.doc.place(&metadata.name), message, &help)
    }

    /// 2.
    fn scopes(&mut self, spec: &PolicySpec<'_>) -> Option<Vec<Scope>> {
        let span = self.with.doc.top();
        let Some(text) = &spec.namespace_selector else {
            return self.error(
                span,
                "`namespaceSelector` is missing: host endpoints are selected too",
                "write `namespaceSelector: projectcalico.org/name == '…'`",
            );
        };
        let (word, selector) = self.selector(text)?;
        let place = self.with.doc.place(text);
        if word.is_empty() {
            let message = "an empty `namespaceSelector` selects host endpoints too";
            return self.error(place, message, "write `all()` for every namespace");
        }
        if selector.has_global() {
            return self.error(place, "`global()` selects no policy's pods", "name a namespace");
        }
        select::scopes(&selector).map_or_else(|why| self.refusal(text, why), Some)
    }

    fn pods(&mut self, text: &Text<'_>) -> Option<Vec<Labels>> {
        let (_, selector) = self.selector(text)?;
        select::pods(&selector).map_or_else(|why| self.refusal(text, why), Some)
    }

    fn selector<'t>(&mut self, text: &'t Text<'_>) -> Option<(&'t str, Selector)> {
        let word = self.with.string(text)?;
        match selector::parse(word) {
            Ok(selector) => Some((word, selector)),
            Err(why) => self.refusal(text, why),
        }
    }

    /// 1.
    fn sides(&mut self, spec: &PolicySpec<'_>) -> Option<Vec<(Direction, Vec<Said>)>> {
        let ingress = spec.ingress.as_deref().unwrap_or_default();
        let egress = spec.egress.as_deref().unwrap_or_default();
        let mut types = vec![];
        for text in spec.types.iter().flatten() {
            let direction = match self.with.string(text)? {
                "Ingress" => Direction::Ingress,
                "Egress" => Direction::Egress,
                other => {
                    let message = format!("{} is no policy type", quote(other));
                    return self.error(self.with.doc.place(text), message, "write `Ingress` or `Egress`");
                }
            };
            if types.contains(&direction) {
                return self.error(self.with.doc.place(text), "a policy type is written twice", "remove one");
            }
            types.push(direction);
        }
        if spec.types.as_ref().is_some_and(Vec::is_empty) {
            return self.error(self.with.doc.top(), "`types` is empty", "write the directions that are meant");
        }
        if types.is_empty() {
            types.extend((!ingress.is_empty() || egress.is_empty()).then_some(Direction::Ingress));
            types.extend((!egress.is_empty()).then_some(Direction::Egress));
        }
        types.sort_unstable();
        // Rules of both directions are read, so that all errors show at once.
        let rules = [
            (Direction::Ingress, self.rules(Direction::Ingress, ingress)),
            (Direction::Egress, self.rules(Direction::Egress, egress)),
        ];
        let mut sides = vec![];
        for (direction, rules) in rules {
            let rules = rules?;
            if types.contains(&direction) {
                sides.push((direction, rules));
            }
        }
        Some(sides)
    }

    fn rules(&mut self, direction: Direction, rules: &[Spanned<Option<Rule<'_>>>]) -> Option<Vec<Said>> {
        let mut out = Some(vec![]);
        for (index, rule) in rules.iter().enumerate() {
            let span = self.with.doc.line(rule.referenced.line());
            if index == MAX_RULES {
                return self.error(span, format!("more than {MAX_RULES} rules in one direction"), "split the policy");
            }
            let said = match &rule.value {
                Some(rule) => self.rule(direction, rule, span),
                None => self.error(span, "null stands where a rule is expected", "write what is meant, or remove it"),
            };
            match (said, &mut out) {
                (Some(said), Some(all)) => all.push(said),
                _ => out = None,
            }
        }
        out
    }

    fn rule(&mut self, direction: Direction, rule: &Rule<'_>, span: Span) -> Option<Said> {
        for (name, field) in [
            ("notProtocol", &rule.not_protocol),
            ("ipVersion", &rule.ip_version),
            ("icmp", &rule.icmp),
            ("notICMP", &rule.not_icmp),
            ("http", &rule.http),
            ("metadata", &rule.metadata),
        ] {
            self.refuse(name, field);
        }
        let action = self.action(rule, span);
        let (own, other, own_key) = match direction {
            Direction::Ingress => (&rule.destination, &rule.source, "destination"),
            Direction::Egress => (&rule.source, &rule.destination, "source"),
        };
        if let Some(own) = own
            && (own.namespace_selector.is_some()
                || own.selector.is_some()
                || own.nets.is_some()
                || own.not_nets.is_some())
        {
            let message = format!("`{own_key}` narrows the policy's own pods, which is not supported");
            return self.error(span, message, "select them in the policy's own `selector`");
        }
        for entity in [own, other].into_iter().flatten() {
            for (name, field) in [
                ("notSelector", &entity.not_selector),
                ("notPorts", &entity.not_ports),
                ("serviceAccounts", &entity.service_accounts),
                ("services", &entity.services),
            ] {
                self.refuse(name, field);
            }
        }
        if rule.source.as_ref().is_some_and(|source| source.ports.is_some()) {
            return self.error(span, "ports of the source are not supported", "write `ports` under `destination`");
        }
        let peers = match other {
            None => Some(Peers::Known(vec![Peer::Anyone])),
            Some(entity) => self.peers(entity, span),
        };
        let ports = self.ports(rule, span);
        let (action, peers, ports) = (action?, peers?, ports?);
        let is_every = rule.protocol.is_none() && matches!(&peers, Peers::Known(all) if *all == [Peer::Anyone]);
        Some(Said { action, peers, ports, is_every, span })
    }

    fn action(&mut self, rule: &Rule<'_>, span: Span) -> Option<Action> {
        let Some(text) = &rule.action else {
            return self.error(span, "`action` is missing", "write `Allow`, `Deny` or `Log`");
        };
        let place = self.with.doc.place(text);
        match self.with.string(text)? {
            "Allow" => Some(Action::Allow),
            "Deny" => Some(Action::Deny),
            "Log" => Some(Action::Log),
            "Pass" => self.error(place, "the action `Pass` is not supported", "let the tier end in `Pass`"),
            other => {
                let message = format!("{} is no action", quote(other));
                self.error(place, message, "write `Allow`, `Deny` or `Log`")
            }
        }
    }

    /// 3, 4, 5.
    fn peers(&mut self, entity: &Entity<'_>, span: Span) -> Option<Peers> {
        let nets = self.nets(entity.nets.as_deref(), span)?;
        let not_nets = self.nets(entity.not_nets.as_deref(), span)?;
        let addresses = !nets.is_empty() || !not_nets.is_empty();
        match (&entity.namespace_selector, &entity.selector) {
            (None, None) if addresses => self.blocks(&nets, &not_nets, span),
            (None, None) => Some(Peers::Known(vec![Peer::Anyone])),
            _ if addresses => {
                self.error(span, "selectors and nets in one rule are not supported", "write two rules, or one of them")
            }
            (None, Some(text)) => {
                let place = self.with.doc.place(text);
                let message = "a rule's `selector` without `namespaceSelector` reaches every namespace and every set";
                self.error(place, message, "write `namespaceSelector` beside it: `global()` for sets")
            }
            (Some(namespaces), labels) => self.selected(namespaces, labels.as_ref()),
        }
    }

    fn selected(&mut self, text: &Text<'_>, labels: Option<&Text<'_>>) -> Option<Peers> {
        let (word, namespaces) = self.selector(text)?;
        let place = self.with.doc.place(text);
        if word.is_empty() {
            return self.error(place, "an empty `namespaceSelector` selects sets too", "write `all()`");
        }
        if namespaces == Selector::Global {
            let Some(labels) = labels else {
                let message = "`global()` alone reaches every set and every host endpoint";
                return self.error(place, message, "write the set's labels as `selector`");
            };
            let (word, selector) = self.selector(labels)?;
            if selector.has_global() || selector.holds(&|_| None) {
                let place = self.with.doc.place(labels);
                return self.error(place, "a selector of sets that asks for no label", "write the set's labels");
            }
            return Some(Peers::Sets(word.to_owned(), selector));
        }
        if namespaces.has_global() {
            return self.error(place, "`global()` stands beside something else", "write it alone");
        }
        let namespaces = match select::namespaces(&namespaces) {
            Ok(namespaces) => namespaces,
            Err(why) => return self.refusal(text, why),
        };
        let pods = match labels {
            None => vec![Labels::default()],
            Some(labels) => self.pods(labels)?,
        };
        let pair = |namespaces: &Namespaces| {
            let namespaces = namespaces.clone();
            let peer = move |labels: &Labels| Peer::Pods { namespaces: namespaces.clone(), labels: labels.clone() };
            pods.iter().map(peer).collect::<Vec<_>>()
        };
        Some(Peers::Known(namespaces.iter().flat_map(pair).collect()))
    }

    fn nets(&mut self, nets: Option<&[Text<'_>]>, span: Span) -> Option<Vec<IpNet>> {
        let nets = nets.unwrap_or_default();
        if nets.len() > MAX_NETS {
            return self.error(span, format!("more than {MAX_NETS} nets in one rule"), "split the rule");
        }
        let read: Vec<_> = nets.iter().map(|text| self.with.cidr(text)).collect();
        read.into_iter().collect()
    }

    /// 5.
    fn blocks(&mut self, nets: &[IpNet], not_nets: &[IpNet], span: Span) -> Option<Peers> {
        let is_v4 = |net: &IpNet| matches!(net, IpNet::V4(_));
        let all = || nets.iter().chain(not_nets);
        if all().any(is_v4) && !all().all(is_v4) {
            return self.error(span, "IPv4 and IPv6 nets in one rule", "write one rule for each");
        }
        if nets.is_empty() {
            return self.error(span, "`notNets` without `nets` is not supported", "write the `nets` that are meant");
        }
        if let Some(net) = not_nets.iter().find(|net| net.prefix_len() == 0) {
            return self.error(span, format!("`notNets` cannot hold {net}"), "write what the rule is about as `nets`");
        }
        let mut peers = vec![];
        for cidr in nets {
            if let Some(hole) = not_nets.iter().find(|hole| hole.contains(cidr)) {
                let message = format!("the exception {hole} leaves nothing of {cidr}");
                return self.error(span, message, "remove one of them");
            }
            let mut except: Vec<IpNet> = not_nets.iter().filter(|hole| cidr.contains(*hole)).copied().collect();
            except.sort_unstable();
            except.dedup();
            peers.push(Peer::Block { cidr: *cidr, except });
        }
        Some(Peers::Known(peers))
    }

    /// 6.
    fn ports(&mut self, rule: &Rule<'_>, span: Span) -> Option<Vec<Ports>> {
        let ports = rule.destination.iter().flat_map(|entity| entity.ports.iter().flatten());
        let protocol = match &rule.protocol {
            None => None,
            Some(protocol) => Some(self.protocol(protocol)?),
        };
        let mut out = vec![];
        for (index, port) in ports.enumerate() {
            let place = self.with.doc.line(port.referenced.line());
            if index == MAX_PORTS {
                return self.error(place, format!("more than {MAX_PORTS} ports in one rule"), "split the rule");
            }
            let Some(protocol) = protocol else {
                return self.error(span, "ports without protocol", "write `protocol: TCP`, `UDP` or `SCTP`");
            };
            let (first, last) = self.port(&port.value, place)?;
            out.push(Ports { protocol, first, last });
        }
        Some(match (out.is_empty(), protocol) {
            (false, _) => out,
            (true, Some(protocol)) => vec![Ports { protocol, first: 1, last: u16::MAX }],
            (true, None) => Ports::every(),
        })
    }

    fn protocol(&mut self, protocol: &Spanned<PortValue>) -> Option<Protocol> {
        let span = self.with.doc.line(protocol.referenced.line());
        // Numbers of IANA.
        let known = match &protocol.value {
            PortValue::Number(6) => Some(Protocol::Tcp),
            PortValue::Number(17) => Some(Protocol::Udp),
            PortValue::Number(132) => Some(Protocol::Sctp),
            PortValue::Number(_) => None,
            PortValue::Name(name) => Protocol::ALL.into_iter().find(|protocol| protocol.as_str() == name),
        };
        if known.is_some() {
            return known;
        }
        let shown = match &protocol.value {
            PortValue::Number(number) => number.to_string(),
            PortValue::Name(name) => quote(name),
        };
        self.error(span, format!("the protocol {shown} is not supported"), "write `TCP`, `UDP` or `SCTP`")
    }

    fn port(&mut self, port: &PortValue, span: Span) -> Option<(u16, u16)> {
        let plain = |text: &str| match text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
            true => None,
            false => text.parse::<i128>().ok().and_then(validity::port),
        };
        let range = match port {
            PortValue::Number(number) => validity::port(*number).map(|port| (port, port)),
            PortValue::Name(text) => match text.split_once(':') {
                Some((first, last)) => plain(first).zip(plain(last)),
                None => plain(text).map(|port| (port, port)),
            },
        };
        let shown = match port {
            PortValue::Number(number) => number.to_string(),
            PortValue::Name(name) => quote(name),
        };
        match range {
            Some((first, last)) if first <= last => range,
            Some(_) => self.error(span, format!("the ports {shown} end before they start"), "swap both ends"),
            None => {
                let help =
                    "write a number from 1 to 65535, or `first:last`; what a name stands for depends on each pod";
                self.error(span, format!("{shown} is no port"), help)
            }
        }
    }
}

fn number(number: Option<&Spanned<Number>>) -> Option<f64> {
    number.map(|number| number.value.0)
}
