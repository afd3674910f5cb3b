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

use ipnet::IpNet;
use serde_saphyr::Spanned;

use super::object::{Block, Metadata, Object, Pairs, Peer, Port, PortValue, Selector, Spec};
use super::text::{Doc, Text};
use super::validity;
use crate::diag::{Diagnostic, codes, quote};
use crate::model::{Direction, Labels, Protocol, Sym};
use crate::source::Span;
use crate::verify::normal::{self, Namespaces, Ports};

/// The label that names a namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// How many selectors one selector may stand for.
const MAX_EXPANSION: usize = 256;

/// Some readers take null in a list for an object without fields, which allows more than it seems to.
const NULL: &str = "write what is meant, or remove the item";

/// Peers and ports of a rule, as written.
type Parts<'r, 'a> = (Option<&'r [Option<Peer<'a>>]>, Option<&'r [Option<Port<'a>>]>);

/// What an object says. Errors of the whole object are collected.
pub(super) fn object(doc: &Doc<'_>, object: &Object<'_>) -> Result<normal::File, Vec<Diagnostic>> {
    if let Some(diagnostic) = foreign(doc, &object.api_version, &object.kind) {
        return Err(vec![diagnostic]);
    }
    let mut reader = Reader { doc, errors: vec![] };
    let read = match reader.string(&object.kind) == Some("Kustomization") {
        true => reader.kustomization(object).map(|base| normal::File { policies: vec![], base: Some(base) }),
        false => reader.policy(object).map(|policies| normal::File { policies, base: None }),
    };
    match read {
        Some(read) if reader.errors.is_empty() => Ok(read),
        _ => Err(reader.errors),
    }
}

/// What to say when an object is of a kind that has no place here.
pub(super) fn foreign(doc: &Doc<'_>, version: &Text<'_>, kind: &Text<'_>) -> Option<Diagnostic> {
    let (v, k) = match (doc.string(version), doc.string(kind)) {
        (Ok(v), Ok(k)) => (v, k),
        (Err(diagnostic), _) | (_, Err(diagnostic)) => return Some(*diagnostic),
    };
    match (v, k) {
        ("networking.k8s.io/v1", "NetworkPolicy") | ("kustomize.config.k8s.io/v1beta1", "Kustomization") => None,
        _ => Some(
            Diagnostic::error(
                codes::RENDERED,
                doc.place(kind),
                format!("{} of {} has no place here", quote(k), quote(v)),
            )
            .help("a file of this dialect holds NetworkPolicies of networking.k8s.io/v1"),
        ),
    }
}

struct Reader<'a, 's> {
    doc: &'a Doc<'s>,
    errors: Vec<Diagnostic>,
}

impl Reader<'_, '_> {
    fn error<T>(&mut self, span: Span, message: impl Into<String>, help: &str) -> Option<T> {
        self.errors.push(Diagnostic::error(codes::RENDERED, span, message).help(help));
        None
    }

    fn string<'t>(&mut self, text: &'t Text<'_>) -> Option<&'t str> {
        match self.doc.string(text) {
            Ok(text) => Some(text),
            Err(diagnostic) => {
                self.errors.push(*diagnostic);
                None
            }
        }
    }

    fn kustomization(&mut self, object: &Object<'_>) -> Option<normal::Base> {
        let top = self.doc.top();
        if object.metadata.is_some() || object.spec.is_some() {
            return self.error(top, "a kustomization here lists resources and nothing else", "keep `resources` only");
        }
        let mut resources = vec![];
        for resource in object.resources.as_deref().unwrap_or_default() {
            let span = self.doc.place(resource);
            resources.extend(self.string(resource).map(|name| (name.to_owned(), span)));
        }
        Some(normal::Base { resources, span: top })
    }

    fn policy(&mut self, object: &Object<'_>) -> Option<Vec<normal::Policy>> {
        let top = self.doc.top();
        if object.resources.is_some() {
            self.error::<()>(top, "a NetworkPolicy has no `resources`", "remove the field");
        }
        let Some(metadata) = &object.metadata else {
            return self.error(top, "`metadata` is missing", "write the policy's name and namespace");
        };
        let Some(spec) = &object.spec else {
            return self.error(top, "`spec` is missing", "write whom the policy selects and what it allows");
        };
        let named = self.metadata(metadata);
        let subjects = match &spec.pod_selector {
            Some(selector) => self.selector(selector, top),
            None => self.error(top, "`podSelector` is missing", "write `podSelector: {}` if every pod is meant"),
        };
        // Rules are read also when the names are wrong, so that all errors show at once.
        let own: Sym = named.as_ref().map_or("".into(), |(_, namespace)| namespace.clone());
        let rules = self.rules(spec, &own);
        let isolates = self.isolates(spec);
        let ((name, namespace), subjects, rules, isolates) = (named?, subjects?, rules?, isolates?);
        let policy = |subject| normal::Policy {
            name: name.clone(),
            namespace: namespace.clone(),
            subject,
            isolates: isolates.clone(),
            rules: rules.clone(),
            span: top,
        };
        Some(subjects.into_iter().map(policy).collect())
    }

    fn metadata(&mut self, metadata: &Metadata<'_>) -> Option<(String, Sym)> {
        let labels = metadata.labels.as_ref().map_or(Some(vec![]), |pairs| self.labels(pairs));
        for (key, value) in metadata.annotations.iter().flat_map(|pairs| &pairs.0) {
            let span = self.doc.place(key);
            // Keys of annotations are those of labels, but case does not matter in their prefix.
            if let Some(key) = self.string(key)
                && !validity::is_label_key(&key.to_ascii_lowercase())
            {
                self.error::<()>(
                    span,
                    format!("{} is no key of an annotation", quote(key)),
                    "write `prefix/name` or `name`",
                );
            }
            if let Some(tool) = self.string(key).and_then(steers) {
                self.error::<()>(
                    span,
                    format!("an annotation tells {tool} not to apply this policy as it is"),
                    "remove it: what is proved is what is applied",
                );
            }
            self.string(value);
        }
        let mut name = self.string(&metadata.name);
        if name.is_some_and(|name| !validity::is_dns_subdomain(name)) {
            let help = "write at most 253 lower-case letters, digits, hyphens and dots, letters or digits at the ends";
            name = self.error(self.doc.place(&metadata.name), "this is no name of an object", help);
        }
        let Some(namespace) = &metadata.namespace else {
            let top = self.doc.top();
            return self.error(
                top,
                "`namespace` is missing",
                "every policy names its namespace, so that no default decides",
            );
        };
        let place = self.doc.place(namespace);
        let mut namespace = self.string(namespace);
        if namespace.is_some_and(|namespace| !validity::is_dns_label(namespace)) {
            let help = "write at most 63 lower-case letters, digits and hyphens";
            namespace = self.error(place, "this is no name of a namespace", help);
        }
        labels?;
        Some((name?.to_owned(), namespace?.into()))
    }

    /// 3.
    fn isolates(&mut self, spec: &Spec<'_>) -> Option<Vec<Direction>> {
        let ingress = spec.ingress.as_deref().unwrap_or_default();
        let egress = spec.egress.as_deref().unwrap_or_default();
        let types = spec.policy_types.as_deref().unwrap_or_default();
        let mut isolates = vec![];
        for text in types {
            match self.string(text)? {
                "Ingress" => isolates.push(Direction::Ingress),
                "Egress" => isolates.push(Direction::Egress),
                other => {
                    let message = format!("{} is no policy type", quote(other));
                    return self.error(self.doc.place(text), message, "write `Ingress` or `Egress`");
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
                return self.error(self.doc.line(line), message, help);
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
        let span = self.doc.line(line);
        let Some((peers, ports)) = parts else {
            return self.error(span, "null stands where a rule is expected", NULL);
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
        Some(normal::Rule { direction, peers, ports, span })
    }

    /// 4.
    fn peer(&mut self, peer: Option<&Peer<'_>>, rule: Span, own: &Sym) -> Option<Vec<normal::Peer>> {
        let Some(peer) = peer else {
            return self.error(rule, "null stands where a peer is expected", NULL);
        };
        match (&peer.ip_block, &peer.namespace_selector, &peer.pod_selector) {
            (Some(block), None, None) => Some(vec![self.block(block)?]),
            (Some(_), ..) => self.error(
                rule,
                "`ipBlock` stands beside a selector in one peer",
                "write them as two list items, or remove one",
            ),
            (None, None, None) => {
                self.error(rule, "a peer that selects nothing", "write whom it selects, or remove it")
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
            let key_span = self.doc.place(&expression.key);
            let (key, operator) = (self.string(&expression.key)?, self.string(&expression.operator)?);
            if operator != "In" {
                let message = format!("{} in a selector is not supported yet", quote(operator));
                let span = self.doc.place(&expression.operator);
                return self.error(span, message, "write equalities: `matchLabels`, or `In` with values");
            }
            let values = expression.values.as_deref().unwrap_or_default();
            if values.is_empty() {
                return self.error(key_span, "`In` without values", "write the values that are meant");
            }
            let mut next = vec![];
            for value in values {
                let pair = self.label(&expression.key, key, value)?;
                let one = Labels::new([pair]);
                next.extend(all.iter().filter_map(|labels| labels.merge(&one)));
            }
            if next.len() > MAX_EXPANSION {
                let message = format!("a selector that stands for more than {MAX_EXPANSION} combinations of labels");
                return self.error(key_span, message, "split the policy");
            }
            next.sort_unstable();
            next.dedup();
            all = next;
        }
        match all.is_empty() {
            true => self.error(place, "a selector that no pod or namespace can match", "remove the contradiction"),
            false => Some(all),
        }
    }

    fn labels(&mut self, pairs: &Pairs<'_>) -> Option<Vec<(Sym, Sym)>> {
        let mut out: Vec<(Sym, Sym)> = Vec::with_capacity(pairs.0.len());
        for (key, value) in &pairs.0 {
            let place = self.doc.place(key);
            let name = self.string(key)?;
            let pair = self.label(key, name, value)?;
            if out.iter().any(|(known, _)| *known == pair.0) {
                return self.error(place, format!("the label {} is written twice", quote(name)), "remove one");
            }
            out.push(pair);
        }
        Some(out)
    }

    fn label(&mut self, place: &Text<'_>, key: &str, value: &Text<'_>) -> Option<(Sym, Sym)> {
        let span = self.doc.place(value);
        let value = self.string(value)?;
        if !validity::is_label_key(key) {
            let message = format!("{} is no key of a label", quote(key));
            return self.error(self.doc.place(place), message, "write `prefix/name` or `name`");
        }
        if !validity::is_label_value(value) {
            let message = format!("{} is no value of a label", quote(value));
            return self.error(span, message, "write at most 63 of `A-Za-z0-9._-`, with a letter or digit at the ends");
        }
        Some((key.into(), value.into()))
    }

    fn block(&mut self, block: &Block<'_>) -> Option<normal::Peer> {
        let cidr = self.cidr(&block.cidr)?;
        let mut except = vec![];
        for text in block.except.iter().flatten() {
            let hole = self.cidr(text)?;
            if !cidr.contains(&hole) || hole == cidr {
                let message = format!("the exception {hole} is not inside {cidr} and narrower than it");
                return self.error(self.doc.place(text), message, "remove it, or write a range inside");
            }
            except.push(hole);
        }
        except.sort_unstable();
        except.dedup();
        Some(normal::Peer::Block { cidr, except })
    }

    fn cidr(&mut self, text: &Text<'_>) -> Option<IpNet> {
        let word = self.string(text)?;
        match validity::cidr(word) {
            Some(cidr) => Some(cidr),
            None => {
                let message = format!("{} is no canonical address range", quote(word));
                self.error(self.doc.place(text), message, "write prefix and mask, without host bits, in shortest form")
            }
        }
    }

    /// 2.
    fn port(&mut self, port: Option<&Port<'_>>, rule: Span) -> Option<Ports> {
        let Some(port) = port else {
            return self.error(rule, "null stands where a port is expected", NULL);
        };
        let protocol = match &port.protocol {
            None => Protocol::Tcp,
            Some(text) => {
                let word = self.string(text)?;
                match Protocol::ALL.into_iter().find(|protocol| protocol.as_str() == word) {
                    Some(protocol) => protocol,
                    None => {
                        let message = format!("{} is no protocol", quote(word));
                        return self.error(self.doc.place(text), message, "write `TCP`, `UDP` or `SCTP`");
                    }
                }
            }
        };
        let (first, last) = match (&port.port, &port.end_port) {
            (None, None) => return Some(Ports { protocol, first: 1, last: u16::MAX }),
            (None, Some(_)) => {
                return self.error(rule, "`endPort` without `port`", "write the first port of the range as `port`");
            }
            (Some(first), None) => (self.number(first)?, self.number(first)?),
            (Some(first), Some(last)) => (self.number(first)?, self.number(last)?),
        };
        if last < first {
            return self.error(rule, format!("`endPort` {last} is below `port` {first}"), "swap them");
        }
        Some(Ports { protocol, first, last })
    }

    fn number(&mut self, port: &Spanned<PortValue>) -> Option<u16> {
        let span = self.doc.line(port.referenced.line());
        match &port.value {
            PortValue::Number(number) => match validity::port(*number) {
                Some(port) => Some(port),
                None => self.error(span, format!("{number} is no port"), "write a number from 1 to 65535"),
            },
            PortValue::Name(name) => {
                let message = format!("the port {} is not a number", quote(name));
                let help = "what a name stands for depends on each pod: write the number, without quotes";
                self.error(span, message, help)
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

/// The tool that an annotation keeps from applying an object as it is written (kustomize's local configuration, Argo CD's
/// hooks and Flux' reconciliation switches).
fn steers(key: &str) -> Option<&'static str> {
    let key = key.to_ascii_lowercase();
    let (prefix, name) = key.split_once('/')?;
    match prefix {
        "config.kubernetes.io" | "internal.config.kubernetes.io" | "config.k8s.io" => Some("kustomize"),
        "argocd.argoproj.io" if name.starts_with("hook") || name == "skip-reconcile" => Some("Argo CD"),
        // Argo CD takes Helm's hooks for its own.
        "helm.sh" if name.starts_with("hook") => Some("Helm or Argo CD"),
        "kustomize.toolkit.fluxcd.io" => Some("Flux"),
        "client.lifecycle.config.k8s.io" => Some("kpt"),
        _ => None,
    }
}
