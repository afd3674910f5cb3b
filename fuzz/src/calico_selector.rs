//! Selectors of Calico as any text: one that is accepted selects what an outside judge says that it selects, and means the
//! same when what was understood is written as a selector and read again.

use std::collections::{BTreeMap, BTreeSet};

use netpolc::cluster;
use netpolc::dialects::{self, Assumed};
use netpolc::model::{Direction, NAMESPACE_NAME, Sym};
use netpolc::pipeline::given;
use netpolc::render::yaml_scalar;
use netpolc::source::Sources;
use netpolc::verify::law;
use netpolc::verify::normal::{Condition, Engine, Key, Namespaces, Policy, Selector, Test};

#[allow(dead_code, reason = "namespaces are chosen elsewhere")]
#[path = "../../tests/judge/calico/selector.rs"]
mod judge;

/// As the judge has them.
pub type Labels = BTreeMap<String, String>;
const NAMESPACE: &str = "projectcalico.org/namespace";

/// The longest selector that the API server takes.
const MAX_LENGTH: usize = 1024;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(policies) = read(text) else { return };
    let understood: BTreeSet<Selector> = policies.iter().map(|policy| policy.subject.clone()).collect();
    if let Some(again) = written(&understood) {
        let policies = read(&again).unwrap_or_else(|| panic!("{text:?} was read, {again:?} is refused"));
        let other: BTreeSet<Selector> = policies.into_iter().map(|policy| policy.subject).collect();
        assert_eq!(understood, other, "{text:?} as {again:?}");
    }
    // The judge knows the words as people write them, and takes every blank for one.
    if text.is_ascii() && !text.contains(['\n', '\r', '\x0b', '\x0c']) {
        judged(text, &policies);
    }
}

/// The policies that a policy with this selector stands for; none where it is refused.
fn read(text: &str) -> Option<Vec<Policy>> {
    let mut sources = Sources::default();
    let manifest = format!(
        "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata:\n  name: x\nspec:\n  selector: {}\n  types:\n    - Ingress\n",
        yaml_scalar(text)
    );
    let file = sources.add("x.yaml", manifest);
    let inventory = cluster::read(&sources, &[file]).ok()?;
    let calico = dialects::REGISTRY.iter().copied().find(|dialect| dialect.name() == "calico");
    let mut read = given(inventory.policies, &[], calico, &Assumed::new()).ok()?;
    Some(read.readings.swap_remove(0).policies)
}

/// What was understood as a selector: alternatives of conjunctions. `None` where nothing is selected, which has no words of
/// its own, or where it is too long.
fn written(understood: &BTreeSet<Selector>) -> Option<String> {
    let one = |selector: &Selector| -> Option<String> {
        let mut terms = vec![];
        match &selector.namespaces {
            Namespaces::Named(name) => terms.push(format!("projectcalico.org/namespace == {}", literal(name)?)),
            Namespaces::Labelled(labels) => {
                for (key, value) in labels.iter() {
                    terms.push(format!("pcns.{key} == {}", literal(value)?));
                }
            }
        }
        for (key, value) in selector.labels.iter() {
            terms.push(format!("{key} == {}", literal(value)?));
        }
        for condition in &selector.further {
            terms.push(term(condition)?);
        }
        Some(if terms.is_empty() { "all()".to_owned() } else { terms.join(" && ") })
    };
    let all: Vec<String> = understood.iter().map(one).collect::<Option<_>>()?;
    let text = all.join(" || ");
    (!all.is_empty() && text.chars().count() <= MAX_LENGTH).then_some(text)
}

fn term(condition: &Condition) -> Option<String> {
    let key = match &condition.key {
        Key::Pod(key) => key.to_string(),
        Key::Namespace(key) => format!("pcns.{key}"),
        Key::Account(key) => format!("pcsa.{key}"),
        Key::AccountName => "projectcalico.org/serviceaccount".to_owned(),
    };
    let positive = match &condition.test {
        Test::Exists => format!("has({key})"),
        Test::In(values) => {
            let values: Vec<String> = values.iter().map(literal).collect::<Option<_>>()?;
            format!("{key} in {{{}}}", values.join(", "))
        }
        Test::StartsWith(part) => format!("{key} starts with {}", literal(part)?),
        Test::EndsWith(part) => format!("{key} ends with {}", literal(part)?),
        Test::Contains(part) => format!("{key} contains {}", literal(part)?),
    };
    Some(if condition.negated { format!("!({positive})") } else { positive })
}

/// There are no escapes: what has both quotes cannot be written.
fn literal(text: &Sym) -> Option<String> {
    match (text.contains('\''), text.contains('"')) {
        (false, _) => Some(format!("'{text}'")),
        (true, false) => Some(format!("\"{text}\"")),
        (true, true) => None,
    }
}

/// Pods that carry the words of the selector as labels, in several ways, are selected by both or by neither.
fn judged(text: &str, policies: &[Policy]) {
    let Ok(judge) = judge::Selector::try_from(text.to_owned()) else { return };
    if judge.has_global() {
        return;
    }
    let (keys, values) = words(text);
    let engine = Engine::of(dialects::REGISTRY[0].capabilities());
    for shift in 0..values.len().clamp(1, 6) {
        for skipped in 0..=keys.len().min(4) {
            let carried = keys.iter().enumerate().filter(|(at, _)| skipped == 0 || at + 1 != skipped);
            let label = |(at, key): (usize, &String)| {
                let value = values.get((at + shift) % values.len().max(1)).cloned().unwrap_or_default();
                (key.clone(), value)
            };
            let pod = Pod::new(carried.map(label));
            let wanted = judge.matches(&pod.seen, "");
            let side = law::Side {
                engine,
                direction: Direction::Ingress,
                subject: &pod.pod,
                other: law::Far::Elsewhere,
                all_ports: &law::NamedPorts::default(),
                pod_ranges: Some(&[]),
                names_are_symbols: false,
            };
            let selected = policies.iter().any(|policy| law::governs(policy, &side));
            assert_eq!(selected, wanted, "{text:?} of {:?}", pod.seen);
        }
    }
}

/// Whatever may be a label in the text, and whatever may be a value.
fn words(text: &str) -> (Vec<String>, Vec<String>) {
    let of_key = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    let (mut keys, mut values) = (vec![], vec![]);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if matches!(first, '\'' | '"') {
            let end = rest[1..].find(first).map_or(rest.len(), |end| end + 1);
            values.push(rest[1..end].to_owned());
            rest = rest.get(end + 1..).unwrap_or_default();
        } else if of_key(first) {
            let end = rest.find(|c| !of_key(c)).unwrap_or(rest.len());
            keys.push(rest[..end].to_owned());
            rest = &rest[end..];
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    keys.sort();
    keys.dedup();
    values.dedup();
    (keys, values)
}

/// A pod for the law, and as Calico sees its labels.
struct Pod {
    pod: law::Pod,
    seen: Labels,
}

impl Pod {
    /// A pod with some labels: those of Calico's own prefixes belong to its namespace and its service account.
    fn new(labels: impl Iterator<Item = (String, String)>) -> Self {
        let (mut own, mut of_namespace, mut of_account) = (Labels::new(), Labels::new(), Labels::new());
        let mut namespace = "ns".to_owned();
        let mut account = "default".to_owned();
        for (key, value) in labels {
            let of = |prefix: &str| key.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(str::to_owned);
            if key == NAMESPACE || key == "pcns.projectcalico.org/name" || key == format!("pcns.{NAMESPACE_NAME}") {
                namespace = value;
            } else if key == "projectcalico.org/serviceaccount" || key == "pcsa.projectcalico.org/name" {
                account = value;
            } else if let Some(rest) = of("pcns.") {
                of_namespace.insert(rest, value);
            } else if let Some(rest) = of("pcsa.") {
                of_account.insert(rest, value);
            } else if key != "projectcalico.org/orchestrator" && !key.starts_with("pcns.") && !key.starts_with("pcsa.")
            {
                own.insert(key, value);
            }
        }
        let mut seen = own.clone();
        seen.extend(of_namespace.iter().map(|(key, value)| (format!("pcns.{key}"), value.clone())));
        seen.extend(of_account.iter().map(|(key, value)| (format!("pcsa.{key}"), value.clone())));
        seen.insert(NAMESPACE.to_owned(), namespace.clone());
        seen.insert("pcns.projectcalico.org/name".to_owned(), namespace.clone());
        seen.insert(format!("pcns.{NAMESPACE_NAME}"), namespace.clone());
        seen.insert("projectcalico.org/serviceaccount".to_owned(), account.clone());
        seen.insert("pcsa.projectcalico.org/name".to_owned(), account.clone());
        seen.insert("projectcalico.org/orchestrator".to_owned(), "k8s".to_owned());
        of_namespace.insert(NAMESPACE_NAME.to_owned(), namespace);
        let labels = |of: Labels| {
            netpolc::model::Labels::new(of.into_iter().map(|(key, value)| (Sym::from(key), Sym::from(value))))
        };
        let account = law::Account { name: account.into(), labels: labels(of_account) };
        let pod = law::Pod {
            namespace: labels(of_namespace),
            labels: labels(own),
            account: Some(account),
            addresses: None,
            ports: law::NamedPorts { known: vec![], whole: true },
        };
        Self { pod, seen }
    }
}
