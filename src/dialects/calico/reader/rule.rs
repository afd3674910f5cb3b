//! What one rule says. The numbers are those of [`convert`](super::convert).

use ipnet::IpNet;
use serde_saphyr::Spanned;

use super::convert::{Action, Convert, Peers, Said};
use super::object::{Entity, Rule};
use super::select;
use super::selector::Selector;
use crate::diag::quote;
use crate::dialects::reading::object::PortValue;
use crate::dialects::reading::text::Text;
use crate::dialects::reading::validity;
use crate::model::{Direction, Labels, Protocol};
use crate::source::Span;
use crate::verify::normal::{Namespaces, Peer, Ports};

/// 7.
const MAX_NETS: usize = 256;
const MAX_PORTS: usize = 50;

impl Convert<'_, '_, '_> {
    pub(super) fn rule(&mut self, direction: Direction, rule: &Rule<'_>, span: Span) -> Option<Said> {
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
        // Without a protocol a rule is about all of them, ICMP included.
        let others = rule.protocol.is_none();
        let is_every = others && matches!(&peers, Peers::Known(all) if *all == [Peer::Anyone]);
        Some(Said { action, peers, ports, others, is_every, span })
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
