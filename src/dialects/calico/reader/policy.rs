//! What one policy says, as far as it can be told without the others.
//!
//! Sources: the CustomResourceDefinitions, `libcalico-go/lib/validator/v3/validator.go` (`validateGlobalNetworkPolicySpec`,
//! `validateNetworkPolicySpec`), `libcalico-go/lib/clientv3` (`defaultPolicyTypesField`), `libcalico-go/lib/names`,
//! `updateprocessors` (`globalnetworkpolicyprocessor.go`, `networkpolicyprocessor.go`), `felix/calc/event_sequencer.go`
//! (`tierInfoToProtoTierInfo`).
//!
//! 1. `types` missing: Egress if there are egress rules, Ingress if there are ingress rules or no rules at all. Rules of a
//!    direction that `types` leaves out are inert.
//! 2. Its pods are those that all of its selectors select; none of them: all, of its namespace or of every one. A
//!    GlobalNetworkPolicy that does not ask for a namespace also governs host endpoints. What we write asks for one.
//! 3. What is not tracked, and what comes before DNAT, is for host endpoints alone: it is no matter of pods.
//!    `applyOnForward` and `performanceHints` change nothing for pods.
//! 4. A name is `name` or `tier.name`. Some releases demand the prefix outside of tier `default`, and none reads the object
//!    otherwise; what we write has it, if any, right.
//! 5. Staged policies enforce nothing. What we write is what would be enforced.
//! 6. At most 1024 rules in a direction.

use super::convert::{Convert, Object, Says, number};
use super::object::{PolicySpec, Rule};
use super::order::DEFAULT_TIER;
use super::pods;
use super::rule::Said;
use super::selector::{IN_NAMESPACE, Selector};
use super::{GLOBAL_POLICY, POLICY, STAGED, STAGED_GLOBAL};
use crate::diag::quote;
use crate::dialects::reading::object::{Manifest, Metadata};
use crate::dialects::reading::plain::Placed;
use crate::dialects::reading::text::Text;
use crate::dialects::reading::validity;
use crate::model::{Direction, Sym};
use crate::source::Span;
use crate::verify::normal;

/// 5. For people.
pub(super) const STAGED_REPORT: &str = "staged policies only report";
/// 6.
const MAX_RULES: usize = 1024;

/// A policy of Calico's own kinds.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) staged: bool,
    pub(super) tier: String,
    /// None: after every other.
    pub(super) order: Option<f64>,
    /// Its pods: any of these.
    pub(super) subjects: Vec<normal::Selector>,
    /// Directions that it governs, each with its rules in their order.
    pub(super) sides: Vec<(Direction, Vec<Said>)>,
}

impl Convert<'_, '_, '_> {
    pub(super) fn policy(&mut self, manifest: &Manifest<'_, PolicySpec<'_>>, span: Span) -> Option<Object> {
        let (kind, metadata, spec) = self.manifest(manifest)?;
        let named = self.with.metadata(metadata).map(|(name, _)| name.to_owned());
        let is_global = matches!(kind, GLOBAL_POLICY | STAGED_GLOBAL);
        let namespace: Option<Sym> = match is_global {
            true => {
                self.with.no_namespace(metadata)?;
                None
            }
            false => Some(self.with.namespace(metadata)?),
        };
        let staged = matches!(kind, STAGED | STAGED_GLOBAL);
        let deletes = self.staged_action(spec, staged);
        let hosts_alone = self.of_global(spec, is_global);
        self.hints(spec);
        let tier = self.policy_tier(metadata, spec, kind, named.as_deref());
        let subjects = self.subjects(spec, namespace.as_ref());
        let sides = self.sides(spec, namespace.as_ref());
        let (name, tier, subjects, sides) = (named?, tier?, subjects?, sides?);
        let (deletes, hosts_alone) = (deletes?, hosts_alone?);
        if deletes {
            self.deletes_alone(spec, span)?;
        }
        let says = match (staged && !self.is_rendered(), hosts_alone) {
            (true, _) => Says::Nothing(STAGED_REPORT), // 5
            (false, true) => Says::Nothing("what is not tracked or comes before DNAT is for host endpoints alone"), // 3
            (false, false) => {
                Says::Policy(Policy { staged, tier, order: number(spec.order.as_ref()), subjects, sides })
            }
        };
        Some(Object { kind, name, namespace, span, says })
    }

    /// 5. Whether it stands for the removal of a policy.
    fn staged_action(&mut self, spec: &PolicySpec<'_>, staged: bool) -> Option<bool> {
        match &spec.staged_action {
            None => Some(false),
            Some(text) if staged => self.staged(text),
            Some(text) => {
                let place = self.with.doc.place(text);
                self.error(place, "an enforced policy has no `stagedAction`", "remove the field")
            }
        }
    }

    /// 5. The same of one that is staged.
    pub(super) fn staged(&mut self, text: &Text<'_>) -> Option<bool> {
        let place = self.with.doc.place(text);
        match self.with.string(text)? {
            "Set" => Some(false),
            other if self.is_rendered() => {
                let message = format!("the staged action {} enforces nothing that is written here", quote(other));
                self.error(place, message, "write `Set`, or remove the policy")
            }
            "Delete" => Some(true),
            "Learn" | "Ignore" => Some(false),
            other => {
                let message = format!("{} is no staged action", quote(other));
                self.error(place, message, "write `Set`, `Delete`, `Learn` or `Ignore`")
            }
        }
    }

    pub(super) fn says_too_much(&mut self, span: Span) -> Option<()> {
        self.error(span, "a staged removal says nothing but its tier", "remove the other fields")
    }

    fn deletes_alone(&mut self, spec: &PolicySpec<'_>, span: Span) -> Option<()> {
        let says = spec.order.is_some()
            || spec.types.is_some()
            || [&spec.ingress, &spec.egress].into_iter().flatten().any(|rules| !rules.is_empty())
            || [&spec.selector, &spec.namespace_selector, &spec.service_account_selector]
                .into_iter()
                .any(Option::is_some);
        match says {
            true => self.says_too_much(span),
            false => Some(()),
        }
    }

    /// 3. Whether it is for host endpoints alone.
    fn of_global(&mut self, spec: &PolicySpec<'_>, is_global: bool) -> Option<bool> {
        let fields = [
            ("applyOnForward", &spec.apply_on_forward),
            ("doNotTrack", &spec.do_not_track),
            ("preDNAT", &spec.pre_dnat),
        ];
        for (name, field) in fields {
            let Some(field) = field else { continue };
            let place = self.with.doc.line_of(field);
            if !is_global {
                return self.error(place, format!("`{name}` in a policy of a namespace"), "remove the field");
            }
            if self.is_rendered() {
                let help = "remove it: netpolc writes policies for pods";
                return self.error(place, format!("`{name}` is about host endpoints"), help);
            }
        }
        if let (Some(text), false) = (&spec.namespace_selector, is_global) {
            let place = self.with.doc.place(text);
            return self.error(place, "`namespaceSelector` in a policy of a namespace", "remove the field");
        }
        let [forward, untracked, early] = fields.map(|(_, field)| field.as_ref().is_some_and(|field| field.value.0));
        let top = self.with.doc.top();
        if untracked && early {
            return self.error(top, "`doNotTrack` and `preDNAT` exclude each other", "remove one of them");
        }
        if (untracked || early) && !forward {
            return self.error(top, "`doNotTrack` and `preDNAT` need `applyOnForward`", "write `applyOnForward: true`");
        }
        let of_egress = |texts: &Vec<Text<'_>>| {
            texts.iter().any(|text| self.with.doc.string(text).is_ok_and(|word| word == "Egress"))
        };
        let egress =
            spec.types.as_ref().is_some_and(of_egress) || spec.egress.as_ref().is_some_and(|all| !all.is_empty());
        if early && egress {
            return self.error(top, "`preDNAT` in a policy for egress", "write what is sent in another policy");
        }
        Some(untracked || early)
    }

    /// 3.
    fn hints(&mut self, spec: &PolicySpec<'_>) {
        let hints = spec.performance_hints.as_deref().unwrap_or_default();
        self.once(hints);
        for text in hints {
            if let Some(word) = self.with.string(text)
                && word != "AssumeNeededOnEveryNode"
            {
                let place = self.with.doc.place(text);
                let message = format!("{} is no performance hint", quote(word));
                self.error::<()>(place, message, "write `AssumeNeededOnEveryNode`, or remove it");
            }
        }
    }

    /// 4.
    fn policy_tier(
        &mut self,
        metadata: &Metadata<'_>,
        spec: &PolicySpec<'_>,
        kind: &str,
        name: Option<&str>,
    ) -> Option<String> {
        let rendered = self.is_rendered();
        let tier = match &spec.tier {
            None => DEFAULT_TIER,
            Some(text) => match self.with.string(text)? {
                "" if !rendered => DEFAULT_TIER,
                tier if validity::is_dns_label(tier) || (!rendered && validity::is_dns_subdomain(tier)) => tier,
                _ => {
                    let place = self.with.doc.place(text);
                    return self.error(place, "this is no name of a tier", "write lower-case letters, digits, hyphens");
                }
            },
        };
        let of_kubernetes = |name: &str| {
            matches!(kind, POLICY | STAGED) && (name.starts_with("knp.default.") || name.starts_with("ossg.default."))
        };
        let fits = match name?.split_once('.') {
            None => true,
            Some((prefix, rest)) => !rest.contains('.') && (!rendered || prefix == tier),
        };
        if fits || (!rendered && name.is_some_and(of_kubernetes)) {
            return Some(tier.to_owned());
        }
        let message = format!("the name of a policy of the tier {} cannot be this", quote(tier));
        let help = format!("write a name without dots, or `{tier}.` before it");
        self.error(self.with.doc.place(&metadata.name), message, &help)
    }

    /// 2.
    fn subjects(&mut self, spec: &PolicySpec<'_>, namespace: Option<&Sym>) -> Option<Vec<normal::Selector>> {
        let mut parts: Vec<Selector> =
            namespace.iter().map(|own| Selector::Equals(IN_NAMESPACE.into(), Sym::clone(own))).collect();
        if namespace.is_none() {
            parts.extend(self.namespaces_of(spec)?);
        }
        for (text, of_accounts) in [(&spec.selector, false), (&spec.service_account_selector, true)] {
            if let Some(text) = text {
                let tree = self.without_global(text)?;
                parts.push(if of_accounts { tree.of_accounts() } else { tree });
            }
        }
        match pods::pods(&Selector::And(parts)) {
            Ok(subjects) => Some(subjects),
            Err((message, help)) => {
                let place = spec.selector.as_ref().map_or(self.with.doc.top(), |text| self.with.doc.place(text));
                self.error(place, message, help)
            }
        }
    }

    /// 2.
    fn namespaces_of(&mut self, spec: &PolicySpec<'_>) -> Option<Option<Selector>> {
        const HELP: &str = "write `namespaceSelector: projectcalico.org/name == '…'`";
        let Some(text) = &spec.namespace_selector else {
            if !self.is_rendered() {
                return Some(None);
            }
            let top = self.with.doc.top();
            return self.error(top, "`namespaceSelector` is missing: host endpoints are selected too", HELP);
        };
        let (place, is_empty) = (self.with.doc.place(text), self.with.string(text)?.is_empty());
        let tree = self.without_global(text)?.of_namespaces();
        if self.is_rendered() && (is_empty || tree.holds_of_nothing()) {
            return self.error(place, "this `namespaceSelector` also selects host endpoints", HELP);
        }
        Some((!is_empty).then_some(tree))
    }

    /// 1.
    fn sides(&mut self, spec: &PolicySpec<'_>, namespace: Option<&Sym>) -> Option<Vec<(Direction, Vec<Said>)>> {
        let ingress = spec.ingress.as_deref().unwrap_or_default();
        let egress = spec.egress.as_deref().unwrap_or_default();
        let mut types = self.types(spec)?;
        if types.is_empty() {
            types.extend((!ingress.is_empty() || egress.is_empty()).then_some(Direction::Ingress));
            types.extend((!egress.is_empty()).then_some(Direction::Egress));
        }
        // Rules of both directions are read, so that all errors show at once.
        let rules = [
            (Direction::Ingress, self.rules(Direction::Ingress, ingress, namespace)),
            (Direction::Egress, self.rules(Direction::Egress, egress, namespace)),
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

    fn types(&mut self, spec: &PolicySpec<'_>) -> Option<Vec<Direction>> {
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
        Some(types)
    }

    fn rules(
        &mut self,
        direction: Direction,
        rules: &[Placed<Option<Rule<'_>>>],
        namespace: Option<&Sym>,
    ) -> Option<Vec<Said>> {
        let mut out = Some(vec![]);
        for (index, rule) in rules.iter().enumerate() {
            let span = self.with.doc.line_of(rule);
            if index == MAX_RULES {
                return self.error(span, format!("more than {MAX_RULES} rules in one direction"), "split the policy");
            }
            let said = match &rule.value {
                Some(rule) => self.rule(direction, rule, namespace, span),
                None => self.error(span, "null stands where a rule is expected", "write what is meant, or remove it"),
            };
            match (said, &mut out) {
                (Some(said), Some(all)) => all.extend(said),
                _ => out = None,
            }
        }
        out
    }
}
