//! What one rule says, as far as it can be told without sets.
//!
//! Sources: api `projectcalico/v3/globalnetworkpolicy.go`, `libcalico-go/lib/validator/v3/validator.go` (`validateRule`,
//! `validateHTTPRule`), the CustomResourceDefinitions' rules, `felix/calc/rule_scanner.go`.
//!
//! 1. All that a rule asks must hold. `source` is the other end of what is received and `destination` that of what is sent;
//!    what is asked of the policy's own side narrows its pods.
//! 2. `Allow` and `Deny` decide, `Pass` asks the next tier, `Log` goes on to the next rule: it is none.
//! 3. Rules for HTTP requests allow what is received, over TCP. They hold where Calico's application layer policy is on, which
//!    policies do not tell; elsewhere they are rules for ports.
//! 4. What a rule's metadata says is for people.

use super::convert::Convert;
use super::entity::End;
use super::nets::{self, Family};
use super::object::{self, Http, HttpPath, Rule};
use super::ports::Traffic;
use crate::diag::quote;
use crate::dialects::reading::object::PortValue;
use crate::dialects::reading::plain::Placed;
use crate::dialects::reading::validity;
use crate::model::{Direction, Sym};
use crate::source::Span;
use crate::verify::normal::Action;

/// The most methods, and the most paths, of a rule.
const MAX_HTTP: usize = 20;

/// One rule.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) action: Action,
    /// The other end.
    pub(super) other: End,
    /// The policy's own.
    pub(super) own: End,
    pub(super) traffic: Traffic,
    pub(super) span: Span,
}

impl Convert<'_, '_, '_> {
    /// `None` in it: a rule that decides nothing.
    pub(super) fn rule(
        &mut self,
        direction: Direction,
        rule: &Rule<'_>,
        namespace: Option<&Sym>,
        span: Span,
    ) -> Option<Option<Said>> {
        let action = self.action(rule, span);
        let http = self.http(direction, rule);
        let traffic = self.traffic(rule, span);
        self.annotations(rule);
        let (own, other) = match direction {
            Direction::Ingress => (&rule.destination, &rule.source),
            Direction::Egress => (&rule.source, &rule.destination),
        };
        let (own, other) = (own.as_ref(), other.as_ref());
        let ends = (self.end(own, namespace, span), self.end(other, namespace, span));
        let (own_nets, other_nets) = (self.nets(own, span), self.nets(other, span));
        let (own_nets, other_nets) = (own_nets?, other_nets?);
        let (mut traffic, version) = traffic?;
        let all = [&own_nets.0, &own_nets.1, &other_nets.0, &other_nets.1];
        let family = self.family(version, all.into_iter().flatten(), span)?;
        let (mut own, mut other) = (ends.0?, ends.1?);
        // The family of one end is that of both.
        other.blocks = nets::blocks(&other_nets.0, &other_nets.1, family);
        own.blocks = nets::blocks(&own_nets.0, &own_nets.1, own_family(&own_nets, family));
        http?;
        if rule.http.is_some() {
            traffic.provided = Some("an HTTP request, by Calico's application layer policy"); // 3
        }
        let said = action?.map(|action| Said { action, other, own, traffic, span });
        Some(said)
    }

    /// 2.
    fn action(&mut self, rule: &Rule<'_>, span: Span) -> Option<Option<Action>> {
        const HELP: &str = "write `Allow`, `Deny`, `Log` or `Pass`";
        let Some(text) = &rule.action else {
            return self.error(span, "`action` is missing", HELP);
        };
        match self.with.string(text)? {
            "Allow" => Some(Some(Action::Allow)),
            "Deny" => Some(Some(Action::Deny)),
            "Pass" => Some(Some(Action::Pass)),
            "Log" => Some(None),
            other => {
                let message = format!("{} is no action", quote(other));
                self.error(self.with.doc.place(text), message, HELP)
            }
        }
    }

    fn nets(
        &mut self,
        entity: Option<&object::Entity<'_>>,
        span: Span,
    ) -> Option<(Vec<ipnet::IpNet>, Vec<ipnet::IpNet>)> {
        let Some(entity) = entity else { return Some((vec![], vec![])) };
        let nets = self.rule_nets(entity.nets.as_deref(), false, span);
        let not_nets = self.rule_nets(entity.not_nets.as_deref(), true, span);
        Some((nets?, not_nets?))
    }

    /// 3.
    fn http(&mut self, direction: Direction, rule: &Rule<'_>) -> Option<()> {
        let Some(http) = &rule.http else { return Some(()) };
        let span = self.with.doc.line_of(http);
        if direction == Direction::Egress {
            return self.error(span, "`http` in an egress rule", "write it in an ingress rule of the destination");
        }
        if rule.action.as_ref().is_some_and(|text| self.with.doc.string(text).is_ok_and(|word| word != "Allow")) {
            return self.error(span, "`http` in a rule that does not allow", "write `action: Allow`");
        }
        let is_tcp = |protocol: &Placed<PortValue>| match &protocol.value {
            PortValue::Number(number) => *number == 6,
            PortValue::Name(name) => matches!(name.as_str(), "TCP" | "6"),
        };
        if !rule.protocol.as_ref().is_none_or(is_tcp) {
            return self.error(span, "`http` beside a protocol other than TCP", "write `protocol: TCP`");
        }
        self.http_match(&http.value, span)
    }

    fn http_match(&mut self, http: &Http<'_>, span: Span) -> Option<()> {
        let methods = http.methods.as_deref().unwrap_or_default();
        let paths = http.paths.as_deref().unwrap_or_default();
        if methods.len() > MAX_HTTP || paths.len() > MAX_HTTP {
            return self.error(span, format!("more than {MAX_HTTP} methods or paths in one rule"), "split the rule");
        }
        self.once(methods)?;
        for path in paths {
            self.http_path(path.as_ref(), span)?;
        }
        Some(())
    }

    /// Empty text is none.
    fn http_path(&mut self, path: Option<&HttpPath<'_>>, span: Span) -> Option<()> {
        let (mut words, mut place) = (vec![], span);
        for text in path.iter().flat_map(|path| [&path.exact, &path.prefix]).flatten() {
            let word = self.with.string(text)?;
            if !word.is_empty() {
                words.push(word);
                place = self.with.doc.place(text);
            }
        }
        match words.as_slice() {
            [word] if word.starts_with('/') && !word.contains(['?', ' ', '#']) => Some(()),
            [word] => {
                let message = format!("{} is no path", quote(word));
                self.error(place, message, "start with `/`, without `?`, `#` and blanks")
            }
            [] => self.error(place, "a path without text", "write `exact` or `prefix`"),
            _ => self.error(place, "a path with both `exact` and `prefix`", "write two paths"),
        }
    }

    /// 4.
    fn annotations(&mut self, rule: &Rule<'_>) {
        let annotations = rule.metadata.iter().filter_map(|metadata| metadata.annotations.as_ref());
        for (key, value) in annotations.flat_map(|pairs| &pairs.0) {
            let place = self.with.doc.place(key);
            self.with.string(value);
            if let Some(key) = self.with.string(key)
                && !validity::is_annotation_key(key)
            {
                let message = format!("{} is no key of an annotation", quote(key));
                self.error::<()>(place, message, "write `prefix/name` or `name`");
            }
        }
    }
}

/// Without nets of its own an end is of the other one's family anyway.
fn own_family(nets: &(Vec<ipnet::IpNet>, Vec<ipnet::IpNet>), family: Option<Family>) -> Option<Family> {
    family.filter(|_| !nets.0.is_empty() || !nets.1.is_empty())
}
