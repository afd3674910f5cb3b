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

use super::object::{Number, PolicySpec, Refused, Rule, SetSpec, TierSpec};
use super::selector::{self, Refusal, Selector};
use super::{SET, STAGED, TIER, select};
use crate::diag::quote;
use crate::dialects::reading::object::{Manifest, Metadata};
use crate::dialects::reading::text::Text;
use crate::dialects::reading::{Reader, validity};
use crate::model::{Direction, Labels};
use crate::source::Span;
use crate::verify::normal::{Peer, Ports};
use crate::verify::sum::Scope;

/// The tier of a policy that names none.
pub(super) const DEFAULT_TIER: &str = "default";
/// Tiers that Calico makes itself.
const BUILT_IN: [&str; 5] =
    [DEFAULT_TIER, "kube-admin", "kube-baseline", "adminnetworkpolicy", "baselineadminnetworkpolicy"];
/// 7.
const MAX_RULES: usize = 1024;

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
    /// Protocols without ports too.
    pub(super) others: bool,
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

/// One object while it is converted.
pub(super) struct Convert<'r, 'd, 's> {
    pub(super) with: &'r mut Reader<'d, 's>,
}

impl Convert<'_, '_, '_> {
    pub(super) fn error<T>(&mut self, span: Span, message: impl Into<String>, help: &str) -> Option<T> {
        self.with.error(span, message, help)
    }

    pub(super) fn refusal<T>(&mut self, text: &Text<'_>, (message, help): Refusal) -> Option<T> {
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
        // Calico tells by these labels what is in which namespace, and keeps only pods from setting them
        // (`validateGlobalNetworkSet`, `workloadendpointprocessor.go`): rules for pods would find the set's addresses.
        if let Some((key, _)) = labels.iter().find(|(key, _)| select::is_set_by_calico(key)) {
            let message = format!("the label {} would let a global set pass for something in a namespace", quote(key));
            return self.error(span, message, "remove the label");
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
    pub(super) fn refuse(&mut self, name: &str, field: &Refused) {
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

    pub(super) fn pods(&mut self, text: &Text<'_>) -> Option<Vec<Labels>> {
        let (_, selector) = self.selector(text)?;
        select::pods(&selector).map_or_else(|why| self.refusal(text, why), Some)
    }

    pub(super) fn selector<'t>(&mut self, text: &'t Text<'_>) -> Option<(&'t str, Selector)> {
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
}

fn number(number: Option<&Spanned<Number>>) -> Option<f64> {
    number.map(|number| number.value.0)
}
