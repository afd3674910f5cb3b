//! What a NetworkPolicy means, by `networking/v1/types.go` of kubernetes/api.
//!
//! 1. `from` or `to` missing or empty: everyone. `ports` missing or empty: every port of every protocol.
//! 2. A port without number: every port of its protocol. Protocol missing: TCP. `endPort` needs a number, not below it.
//! 3. `policyTypes` missing or empty: Ingress, and Egress if there are egress rules. Rules of a direction that is not
//!    listed are inert for the API server but not for every CNI: refused.
//! 4. In one peer, `namespaceSelector` and `podSelector` are both required; `podSelector` alone looks in the policy's own
//!    namespace; `ipBlock` stands alone; a peer with nothing is invalid.
//! 5. A selector is a conjunction. `In` with several values is expanded into one selector a value; other operators are
//!    refused, never skipped.
//! 6. A namespace is named by `kubernetes.io/metadata.name`, which the API server sets itself.

use serde_saphyr::Spanned;

use super::object::{Block, Peer, Port, Spec};
use crate::diag::quote;
use crate::dialects::reading::Reader;
use crate::dialects::reading::object::{Manifest, Pairs, PortValue, Selector};
use crate::model::{Direction, Labels, NAMESPACE_NAME, Protocol, Sym};
use crate::source::Span;
use crate::verify::normal::{self, Action, Namespaces, Ports};
use crate::verify::sum::{self, Scope};

/// How many selectors one selector may stand for.
const MAX_EXPANSION: usize = 256;

/// Some readers take null in a list for an object without fields, which allows more than it seems to.
const NULL: &str = "write what is meant, or remove the item";

/// Peers and ports of a rule, as written.
type Parts<'r, 'a> = (Option<&'r [Option<Peer<'a>>]>, Option<&'r [Option<Port<'a>>]>);

/// What an object says; `None` when an error was told.
pub(super) fn object(reader: &mut Reader<'_, '_>, _: &str) -> Option<Vec<normal::Policy>> {
    let object: Manifest<'_, Spec<'_>> = reader.parse()?;
    reader.is(&object.api_version, &object.kind)?;
    Convert { with: reader }.policy(&object)
}

struct Convert<'r, 'd, 's> {
    with: &'r mut Reader<'d, 's>,
}

impl Convert<'_, '_, '_> {
    fn policy(&mut self, object: &Manifest<'_, Spec<'_>>) -> Option<Vec<normal::Policy>> {
        let top = self.with.doc.top();
        let Some(metadata) = &object.metadata else {
            return self.with.error(top, "`metadata` is missing", "write the policy's name and namespace");
        };
        let Some(spec) = &object.spec else {
            return self.with.error(top, "`spec` is missing", "write whom the policy selects and what it allows");
        };
        let name = self.with.metadata(metadata).map(|(name, _)| name);
        let namespace: Option<Sym> = self.with.namespace(metadata).map(Sym::from);
        let subjects = match &spec.pod_selector {
            Some(selector) => self.selector(selector, top),
            None => self.with.error(top, "`podSelector` is missing", "write `podSelector: {}` if every pod is meant"),
        };
        // Rules are read also when the names are wrong, so that all errors show at once.
        let own: Sym = namespace.clone().unwrap_or_else(|| "".into());
        let rules = self.rules(spec, &own);
        let isolates = self.isolates(spec);
        let (name, namespace, subjects, rules, isolates) = (name?, namespace?, subjects?, rules?, isolates?);
        let policy = |subject| sum::Policy {
            name: name.clone(),
            scope: Scope::Namespace(namespace.clone()),
            cluster_scoped: false,
            subject,
            isolates: isolates.clone(),
            rules: rules.clone(),
            denies: vec![],
            staged: false,
            span: top,
        };
        Some(subjects.into_iter().map(policy).flat_map(sum::Policy::ranked).collect())
    }

    /// 3.
    fn isolates(&mut self, spec: &Spec<'_>) -> Option<Vec<Direction>> {
        let ingress = spec.ingress.as_deref().unwrap_or_default();
        let egress = spec.egress.as_deref().unwrap_or_default();
        let types = spec.policy_types.as_deref().unwrap_or_default();
        let mut isolates = vec![];
        for text in types {
            match self.with.string(text)? {
                "Ingress" => isolates.push(Direction::Ingress),
                "Egress" => isolates.push(Direction::Egress),
                other => {
                    let message = format!("{} is no policy type", quote(other));
                    return self.with.error(self.with.doc.place(text), message, "write `Ingress` or `Egress`");
                }
            }
        }
        if types.is_empty() {
            isolates.push(Direction::Ingress);
            isolates.extend((!egress.is_empty()).then_some(Direction::Egress));
        }
        isolates.sort_unstable();
        isolates.dedup();
        let lines = [
            (Direction::Ingress, "Ingress", ingress.first().map(|rule| rule.referenced.line())),
            (Direction::Egress, "Egress", egress.first().map(|rule| rule.referenced.line())),
        ];
        for (direction, word, line) in lines {
            if let Some(line) = line
                && !isolates.contains(&direction)
            {
                let message = format!("rules of a direction that `policyTypes` does not list: `{word}`");
                let help = "CNIs disagree what such rules do: list the direction, or remove them";
                return self.with.error(self.with.doc.line(line), message, help);
            }
        }
        Some(isolates)
    }

    fn rules(&mut self, spec: &Spec<'_>, own: &Sym) -> Option<Vec<normal::Rule>> {
        let mut rules = vec![];
        let mut failed = false;
        for rule in spec.ingress.iter().flatten() {
            let line = rule.referenced.line();
            let parts = rule.value.as_ref().map(|rule| (rule.from.as_deref(), rule.ports.as_deref()));
            match self.rule(Direction::Ingress, parts, line, own) {
                Some(rule) => rules.push(rule),
                None => failed = true,
            }
        }
        for rule in spec.egress.iter().flatten() {
            let line = rule.referenced.line();
            let parts = rule.value.as_ref().map(|rule| (rule.to.as_deref(), rule.ports.as_deref()));
            match self.rule(Direction::Egress, parts, line, own) {
                Some(rule) => rules.push(rule),
                None => failed = true,
            }
        }
        (!failed).then_some(rules)
    }

    /// 1.
    fn rule(
        &mut self,
        direction: Direction,
        parts: Option<Parts<'_, '_>>,
        line: u64,
        own: &Sym,
    ) -> Option<normal::Rule> {
        let span = self.with.doc.line(line);
        let Some((peers, ports)) = parts else {
            return self.with.error(span, "null stands where a rule is expected", NULL);
        };
        let peers = match peers {
            None | Some([]) => vec![normal::Peer::Anyone],
            Some(peers) => {
                let read: Vec<_> = peers.iter().map(|peer| self.peer(peer.as_ref(), span, own)).collect();
                read.into_iter().collect::<Option<Vec<_>>>()?.concat()
            }
        };
        let ports = match ports {
            None | Some([]) => Ports::every(),
            Some(ports) => {
                let read: Vec<_> = ports.iter().map(|port| self.port(port.as_ref(), span)).collect();
                read.into_iter().collect::<Option<Vec<_>>>()?
            }
        };
        // ICMP and the like are undefined for NetworkPolicy.
        Some(normal::Rule { ports, others: false, ..normal::Rule::new(direction, Action::Allow, peers, span) })
    }

    /// 4.
    fn peer(&mut self, peer: Option<&Peer<'_>>, rule: Span, own: &Sym) -> Option<Vec<normal::Peer>> {
        let Some(peer) = peer else {
            return self.with.error(rule, "null stands where a peer is expected", NULL);
        };
        match (&peer.ip_block, &peer.namespace_selector, &peer.pod_selector) {
            (Some(block), None, None) => Some(vec![self.block(block)?]),
            (Some(_), ..) => self.with.error(
                rule,
                "`ipBlock` stands beside a selector in one peer",
                "write them as two list items, or remove one",
            ),
            (None, None, None) => {
                self.with.error(rule, "a peer that selects nothing", "write whom it selects, or remove it")
            }
            (None, namespaces, pods) => {
                let namespaces = match namespaces {
                    Some(selector) => self.selector(selector, rule)?.into_iter().map(by_name).collect(),
                    None => vec![Namespaces::Named(own.clone())],
                };
                let pods = match pods {
                    Some(selector) => self.selector(selector, rule)?,
                    None => vec![Labels::default()],
                };
                let pair = |namespaces: &Namespaces| {
                    let namespaces = namespaces.clone();
                    let peer = move |labels: &Labels| normal::Peer::Pods {
                        namespaces: namespaces.clone(),
                        labels: labels.clone(),
                    };
                    pods.iter().map(peer).collect::<Vec<_>>()
                };
                Some(namespaces.iter().flat_map(pair).collect())
            }
        }
    }

    /// 5. Never empty: a selector that can match nothing is an error.
    fn selector(&mut self, selector: &Selector<'_>, place: Span) -> Option<Vec<Labels>> {
        let first = match &selector.match_labels {
            Some(pairs) => self.labels(pairs)?,
            None => vec![],
        };
        let mut all = vec![Labels::new(first)];
        for expression in selector.match_expressions.iter().flatten() {
            let key_span = self.with.doc.place(&expression.key);
            let (key, operator) = (self.with.string(&expression.key)?, self.with.string(&expression.operator)?);
            if operator != "In" {
                let message = format!("{} in a selector is not supported yet", quote(operator));
                let span = self.with.doc.place(&expression.operator);
                return self.with.error(span, message, "write equalities: `matchLabels`, or `In` with values");
            }
            let values = expression.values.as_deref().unwrap_or_default();
            if values.is_empty() {
                return self.with.error(key_span, "`In` without values", "write the values that are meant");
            }
            let mut next = vec![];
            for value in values {
                let (key, value) = self.with.label(&expression.key, key, value)?;
                let one = Labels::new([(key.into(), value.into())]);
                next.extend(all.iter().filter_map(|labels| labels.merge(&one)));
            }
            if next.len() > MAX_EXPANSION {
                let message = format!("a selector that stands for more than {MAX_EXPANSION} combinations of labels");
                return self.with.error(key_span, message, "split the policy");
            }
            next.sort_unstable();
            next.dedup();
            all = next;
        }
        match all.is_empty() {
            true => self.with.error(place, "a selector that no pod or namespace can match", "remove the contradiction"),
            false => Some(all),
        }
    }

    fn labels(&mut self, pairs: &Pairs<'_>) -> Option<Vec<(Sym, Sym)>> {
        let pairs = self.with.labels(pairs)?;
        Some(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    fn block(&mut self, block: &Block<'_>) -> Option<normal::Peer> {
        let cidr = self.with.cidr(&block.cidr)?;
        let mut except = vec![];
        for text in block.except.iter().flatten() {
            let hole = self.with.cidr(text)?;
            if !cidr.contains(&hole) || hole == cidr {
                let message = format!("the exception {hole} is not inside {cidr} and narrower than it");
                return self.with.error(self.with.doc.place(text), message, "remove it, or write a range inside");
            }
            except.push(hole);
        }
        except.sort_unstable();
        except.dedup();
        Some(normal::Peer::Block { cidr, except })
    }

    /// 2.
    fn port(&mut self, port: Option<&Port<'_>>, rule: Span) -> Option<Ports> {
        let Some(port) = port else {
            return self.with.error(rule, "null stands where a port is expected", NULL);
        };
        let protocol = match &port.protocol {
            None => Protocol::Tcp,
            Some(text) => {
                let word = self.with.string(text)?;
                match Protocol::ALL.into_iter().find(|protocol| protocol.as_str() == word) {
                    Some(protocol) => protocol,
                    None => {
                        let message = format!("{} is no protocol", quote(word));
                        return self.with.error(self.with.doc.place(text), message, "write `TCP`, `UDP` or `SCTP`");
                    }
                }
            }
        };
        let (first, last) = match (&port.port, &port.end_port) {
            (None, None) => return Some(Ports { protocol, first: 1, last: u16::MAX }),
            (None, Some(_)) => {
                return self.with.error(
                    rule,
                    "`endPort` without `port`",
                    "write the first port of the range as `port`",
                );
            }
            (Some(first), None) => (self.number(first)?, self.number(first)?),
            (Some(first), Some(last)) => (self.number(first)?, self.number(last)?),
        };
        if last < first {
            return self.with.error(rule, format!("`endPort` {last} is below `port` {first}"), "swap them");
        }
        Some(Ports { protocol, first, last })
    }

    fn number(&mut self, port: &Spanned<PortValue>) -> Option<u16> {
        let span = self.with.doc.line(port.referenced.line());
        match &port.value {
            PortValue::Number(number) => self.with.number(span, *number),
            PortValue::Name(name) => {
                let message = format!("the port {} is not a number", quote(name));
                let help = "what a name stands for depends on each pod: write the number, without quotes";
                self.with.error(span, message, help)
            }
        }
    }
}

/// 6.
fn by_name(labels: Labels) -> Namespaces {
    match labels.get(NAMESPACE_NAME) {
        Some(name) if labels.len() == 1 => Namespaces::Named(name.clone()),
        _ => Namespaces::Labelled(labels),
    }
}
