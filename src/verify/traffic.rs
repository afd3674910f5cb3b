//! What may pass: ports, and on some ports only certain HTTP requests. Exact, with requests taken as symbols.
//!
//! A request is known by the rule that describes it: two rules are the same when their words are the same, and nothing
//! is assumed of what different words have in common. So what passes is a set of ports on which anything may pass, and
//! for each rule a set of ports on which requests that fit it may pass too. It grows with more rules, never shrinks.

use std::collections::BTreeMap;
use std::fmt;

use super::normal::Rule;
use super::ports::PortSet;
use crate::model::{HttpRule, Protocol};

/// A set of ports, and HTTP requests on further ones. Two are equal exactly when they let the same through.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Traffic {
    /// Ports on which anything may pass.
    any: PortSet,
    /// Ports on which requests of one kind may pass, those of `any` left out; never empty.
    http: BTreeMap<HttpRule, PortSet>,
    /// Protocols without ports, as ICMP: all of them, or none.
    others: bool,
}

impl From<PortSet> for Traffic {
    fn from(any: PortSet) -> Self {
        Self { any, http: BTreeMap::new(), others: false }
    }
}

impl Traffic {
    /// Anything on some ports, or requests on them where there are any.
    pub fn new(ports: PortSet, http: &[HttpRule]) -> Self {
        if http.is_empty() || ports.is_empty() {
            return ports.into();
        }
        let http = http.iter().map(|rule| (rule.clone(), ports.clone())).collect();
        Self { any: PortSet::default(), http, others: false }
    }

    /// Everything, protocols without ports included.
    pub fn every() -> Self {
        Self { others: true, ..PortSet::every().into() }
    }

    /// What a rule lets through.
    pub fn of(rule: &Rule) -> Self {
        let ports = Self::new(PortSet::new(rule.ports.iter().copied()), &rule.http);
        Self { others: rule.others, ..ports }
    }

    /// Ports on which anything may pass.
    pub fn any(&self) -> &PortSet {
        &self.any
    }

    /// Requests, and the ports on which only they may pass.
    pub fn http(&self) -> impl Iterator<Item = (&HttpRule, &PortSet)> {
        self.http.iter()
    }

    /// Whether protocols without ports may pass.
    pub fn others(&self) -> bool {
        self.others
    }

    /// Whether nothing may pass.
    pub fn is_empty(&self) -> bool {
        self.any.is_empty() && self.http.is_empty() && !self.others
    }

    /// Adds what else may pass.
    pub fn add(&mut self, other: &Self) {
        self.any.add(&other.any);
        self.others |= other.others;
        for (rule, ports) in &other.http {
            self.http.entry(rule.clone()).or_default().add(ports);
        }
        self.settle();
    }

    /// Adds protocols without ports.
    pub fn add_others(&mut self) {
        self.others = true;
    }

    /// What passes both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut both = Self::from(self.any.and(&other.any));
        both.others = self.others && other.others;
        let mut note = |rule: &HttpRule, ports: PortSet| both.http.entry(rule.clone()).or_default().add(&ports);
        for (rule, ports) in &self.http {
            note(rule, ports.and(&other.any));
            if let Some(theirs) = other.http.get(rule) {
                note(rule, ports.and(theirs));
            }
        }
        for (rule, ports) in &other.http {
            note(rule, ports.and(&self.any));
        }
        both.settle();
        both
    }

    /// What passes here and not there: ports on which anything does, and for each kind of request those on which it does.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let less = |(rule, ports): (&HttpRule, &PortSet)| {
            let theirs = other.http.get(rule).cloned().unwrap_or_default();
            (rule.clone(), ports.minus(&other.any).minus(&theirs))
        };
        let http = self.http.iter().map(less).collect();
        let mut rest = Self { any: self.any.minus(&other.any), http, others: self.others && !other.others };
        rest.settle();
        rest
    }

    /// The lowest port of the first protocol, and the request if only that may pass. `None` where nothing passes, or only
    /// protocols without ports do.
    pub fn first(&self) -> Option<(Protocol, u16, Option<&HttpRule>)> {
        let of_any = self.any.first().map(|(protocol, port)| (protocol, port, None));
        of_any.or_else(|| {
            self.http.iter().find_map(|(rule, ports)| ports.first().map(|(proto, port)| (proto, port, Some(rule))))
        })
    }

    /// One form for one meaning.
    fn settle(&mut self) {
        if !self.http.is_empty() {
            let any = &self.any;
            self.http.values_mut().for_each(|ports| *ports = ports.minus(any));
            self.http.retain(|_, ports| !ports.is_empty());
        }
    }
}

/// `80/TCP`; `all, ICMP and other protocols`; with requests `443/TCP, 80/TCP (GET /api, POST /api)`.
impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut of_ports: BTreeMap<&PortSet, Vec<String>> = BTreeMap::new();
        for (rule, ports) in &self.http {
            of_ports.entry(ports).or_default().push(rule.to_string());
        }
        let any = (!self.any.is_empty()).then(|| self.any.to_string());
        let requests = of_ports.into_iter().map(|(ports, rules)| format!("{ports} ({})", rules.join(", ")));
        let others = self.others.then(|| "ICMP and other protocols".to_owned());
        f.write_str(&any.into_iter().chain(requests).chain(others).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::normal::Ports;
    use proptest::prelude::*;
    use proptest::sample::subsequence;

    fn request(path: &str) -> HttpRule {
        HttpRule { method: None, path: Some(path.into()), headers: vec![] }
    }

    fn some() -> impl Strategy<Value = Traffic> {
        let range = (1..6u16, 0..3u16);
        let ports = proptest::collection::vec(range, 0..3).prop_map(|ranges| {
            let range = |(first, more)| Ports { protocol: Protocol::Tcp, first, last: first + more };
            PortSet::new(ranges.into_iter().map(range))
        });
        let one = (ports, subsequence(vec!["/a", "/b"], 0..=2));
        (proptest::collection::vec(one, 0..4), proptest::bool::ANY).prop_map(|(parts, others)| {
            let mut all = Traffic { others, ..Traffic::default() };
            for (ports, paths) in parts {
                all.add(&Traffic::new(ports, &paths.into_iter().map(request).collect::<Vec<_>>()));
            }
            all
        })
    }

    /// Whether a request may pass; `None`: one that fits no rule.
    fn passes(traffic: &Traffic, port: u16, path: Option<&str>) -> bool {
        let fits = |(rule, ports): (&HttpRule, &PortSet)| {
            path.is_some_and(|path| *rule == request(path)) && ports.contains(Protocol::Tcp, port)
        };
        traffic.any.contains(Protocol::Tcp, port) || traffic.http.iter().any(fits)
    }

    proptest! {
        #[test]
        fn arithmetic_is_that_of_sets_of_requests(a in some(), b in some()) {
            let mut sum = a.clone();
            sum.add(&b);
            let (both, rest) = (a.and(&b), a.minus(&b));
            for port in 1..9 {
                for path in [None, Some("/a"), Some("/b")] {
                    let (x, y) = (passes(&a, port, path), passes(&b, port, path));
                    prop_assert_eq!(passes(&sum, port, path), x || y);
                    prop_assert_eq!(passes(&both, port, path), x && y);
                    // What is left of ports that let anything through is told whole.
                    prop_assert!(!x || y || passes(&rest, port, path));
                    prop_assert!(!passes(&rest, port, path) || x);
                }
                prop_assert_eq!(passes(&rest, port, None), passes(&a, port, None) && !passes(&b, port, None));
            }
            prop_assert_eq!(sum.others, a.others || b.others);
            prop_assert_eq!((both.others, rest.others), (a.others && b.others, a.others && !b.others));
            let same = a.others == b.others && (1..9).all(|port| {
                [None, Some("/a"), Some("/b")].iter().all(|path| passes(&a, port, *path) == passes(&b, port, *path))
            });
            prop_assert_eq!(a == b, same);
            prop_assert_eq!(rest.is_empty() && b.minus(&a).is_empty(), same);
        }
    }

    #[test]
    fn requests_on_no_ports_are_nothing() {
        assert!(Traffic::new(PortSet::default(), &[request("/a")]).is_empty());
    }
}
