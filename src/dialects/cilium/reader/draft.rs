//! One rule set of a policy, as it takes part in the law.
//!
//! 1. A denial beats every allow: denials are asked first, in a tier of their own that passes on what they leave.
//! 2. A direction is isolated when the rule set has rules or denials for it and `enableDefaultDeny` does not say otherwise
//!    (Rule.Sanitize, evaluateDefaultDenyForRule). Without any of them it isolates nothing, whatever `enableDefaultDeny` says
//!    (cilium#35558). What allows without isolating adds to what others allow.
//! 3. Where default deny is off, agents let pass whatever rules above ports would refuse (pkg/policy/l4.go, ensureWildcard), older
//!    ones (docs.cilium.io, "Endpoint default policy") do not: so such rules are known to be unknown beyond themselves.
//! 4. Where we write, permissions alone with default deny off both ways are staged: the policy enforces nothing by itself, and
//!    what it would isolate are the directions that have rules. Nothing beside may be enforced all the same, and no promise
//!    of default deny be empty.

use super::convert::DraftRule;
use super::groups::Groups;
use crate::dialects::reading::Reader;
use crate::model::{Direction, Sym};
use crate::source::Span;
use crate::verify::normal::{Action, End, Policy, Rank, Rule, Selector};

/// On which agents it depends (3.).
const LIFTED: &str = "the agents lift HTTP rules where default deny is off";
const KEPT: &str = "the agents keep to HTTP rules where default deny is off";

/// A rule set whose groups are not resolved yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) namespace: Option<Sym>,
    /// The governed pods; `None`: it governs none.
    pub(super) subject: Option<Selector>,
    pub(super) sides: [Side; 2],
    pub(super) rules: Vec<DraftRule>,
    pub(super) denies: Vec<DraftRule>,
    pub(super) notes: Vec<&'static str>,
    pub(super) span: Span,
}

/// What a rule set says of one direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    pub(super) direction: Direction,
    /// What `enableDefaultDeny` says.
    pub(super) said: Option<bool>,
    pub(super) allows: bool,
    pub(super) denies: bool,
}

impl Side {
    /// 2.
    fn isolates(self) -> bool {
        (self.allows || self.denies) && self.said.unwrap_or(true)
    }

    /// 2. Default deny is asked for, and not given.
    pub(super) fn is_empty_promise(&self) -> bool {
        self.said == Some(true) && !self.allows && !self.denies
    }

    fn word(self) -> &'static str {
        match self.direction {
            Direction::Ingress => "ingress",
            Direction::Egress => "egress",
        }
    }
}

impl Draft {
    /// 4. What must not be written.
    pub(super) fn checked(self, with: &mut Reader<'_, '_>) -> Option<Self> {
        if let Some(side) = self.sides.iter().find(|side| side.is_empty_promise()) {
            let message =
                format!("`enableDefaultDeny` of `{}` without a rule of that direction denies nothing", side.word());
            return with.error(self.span, message, "add an empty rule: `- {}`");
        }
        let (allows, denies) = (self.sides.iter().any(|side| side.allows), self.sides.iter().any(|side| side.denies));
        if self.is_off() && allows && denies {
            let message = "permissions beside denials without default deny: only the denials are enforced";
            let help = "write two policies: permissions in one, denials in the other";
            return with.error(self.span, message, help);
        }
        let is_open = |direction| self.sides.iter().any(|side| side.direction == direction && !side.isolates());
        if self.rules.iter().any(|draft| !draft.rule.http.is_empty() && is_open(draft.rule.direction)) {
            let message = "HTTP rules without default deny, which some agents enforce all the same";
            let help = "leave the HTTP rules out, or let the policy deny by default";
            return with.error(self.span, message, help);
        }
        Some(self)
    }

    fn is_off(&self) -> bool {
        self.sides.iter().all(|side| side.said == Some(false))
    }

    /// 4.
    fn is_staged(&self) -> bool {
        self.is_off() && self.denies.is_empty() && self.sides.iter().all(|side| !side.denies)
    }

    /// Its policies. `stages`: it may be staged. `any_cluster`: peers are not limited to the own cluster.
    pub(super) fn policies(&self, groups: &mut Groups, any_cluster: bool, stages: bool) -> Vec<Policy> {
        let (mut rules, denies) = (groups.rules(&self.rules, any_cluster), groups.rules(&self.denies, any_cluster));
        let Some(subject) = &self.subject else { return vec![] };
        let staged = stages && self.is_staged();
        let policy = |rank: (u32, End, u32), isolates: Vec<Direction>, mut rules: Vec<Rule>| {
            rules.retain(|rule| isolates.contains(&rule.direction));
            Policy {
                name: self.name.clone(),
                kind: self.kind,
                namespace: self.namespace.clone(),
                subject: subject.clone(),
                rank: Rank { tier: rank.0, end: rank.1, order: rank.2, leads: false },
                rules,
                isolates,
                staged,
                span: self.span,
            }
        };
        let of = |is: &dyn Fn(Side) -> bool| -> Vec<Direction> {
            self.sides.iter().filter(|side| is(**side)).map(|side| side.direction).collect()
        };
        let closed = of(&|side| if staged { side.allows } else { side.isolates() });
        let open = of(&|side| side.allows && !closed.contains(&side.direction));
        let mut out = vec![];
        if !denies.is_empty() {
            out.push(policy((0, End::Passes, 0), of(&|side| side.denies), denies));
        }
        if !closed.is_empty() {
            let rules = if open.is_empty() { std::mem::take(&mut rules) } else { rules.clone() };
            out.push(policy((1, End::Denies, 0), closed, rules));
        }
        if !open.is_empty() {
            let (lifted, kept) = lifted(&rules);
            rules.extend(lifted);
            out.push(policy((1, End::Passes, 0), open.clone(), rules));
            if !kept.is_empty() {
                out.push(policy((1, End::Passes, 1), open, kept));
            }
        }
        if out.is_empty() {
            // It says nothing, but it is there.
            out.push(policy((1, End::Passes, 0), vec![], vec![]));
        }
        out
    }
}

/// 3. What may pass besides the rules above ports, and what may not after all.
fn lifted(rules: &[Rule]) -> (Vec<Rule>, Vec<Rule>) {
    let above = || rules.iter().filter(|rule| !rule.http.is_empty());
    let whole = |rule: &Rule| Rule { http: vec![], others: false, provided: Some(LIFTED), ..rule.clone() };
    let denial = |rule: &Rule| Rule { action: Action::Deny, provided: Some(KEPT), ..whole(rule) };
    (above().map(whole).collect(), above().map(denial).collect())
}
