//! What is read, and what is refused.

mod ends;
mod files;
mod given;
mod grammar;
mod order;
mod ports;
mod refusals;
mod rules;
mod selected;

use super::{read, readings};
use crate::dialects::reading::text;
use crate::model::{Direction, Labels, Protocol};
use crate::source::Sources;
use crate::verify::normal::{Action, End, File, Namespaces, Peer, Policy, Ports, Reading, Rule, Selector};
use crate::verify::sum::{self, Sums};

/// Errors: line in the file, message.
type Refused = Vec<(usize, String)>;

fn read_files(files: &[(&str, &str)]) -> Result<Vec<File>, Refused> {
    let mut sources = Sources::default();
    let ids: Vec<_> =
        files.iter().map(|(name, text)| sources.add(format!("out/calico/{name}"), (*text).to_owned())).collect();
    read(&sources, &ids).map_err(|errors| {
        let show = |d: &crate::diag::Diagnostic| {
            assert!(!d.help.is_empty(), "{}", d.message);
            (sources.line_col(d.primary.as_ref().unwrap().span).0, d.message.clone())
        };
        errors.iter().map(show).collect()
    })
}

/// The policies of one file.
fn read_text(text: &str) -> Result<Vec<Policy>, Refused> {
    read_files(&[("allow/shop.yaml", text)]).map(|mut files| files.remove(0).policies)
}

/// Policies that somebody wrote, as Calico understands them.
fn read_given(text: &str) -> Result<Reading, Refused> {
    let mut sources = Sources::default();
    let file = sources.add("policies.yaml", text.to_owned());
    let docs = text::documents(&sources, file).unwrap();
    let show = |d: &crate::diag::Diagnostic| {
        assert!(!d.help.is_empty(), "{}", d.message);
        (sources.line_col(d.primary.as_ref().unwrap().span).0, d.message.clone())
    };
    match readings(&docs, &Default::default()) {
        Ok(mut all) => {
            assert_eq!(all.len(), 1);
            Ok(all.remove(0))
        }
        Err(errors) => Err(errors.iter().map(show).collect()),
    }
}

/// The policies that somebody wrote.
#[track_caller]
fn given(text: &str) -> Vec<Policy> {
    read_given(text).unwrap().policies
}

/// The rules of the one policy that somebody wrote.
#[track_caller]
fn given_rules(text: &str) -> Vec<Rule> {
    let mut policies = given(text);
    assert_eq!(policies.len(), 1);
    policies.remove(0).rules
}

/// The first message of what is refused, whoever wrote it.
#[track_caller]
fn given_refusal(text: &str) -> String {
    read_given(text).unwrap_err().remove(0).1
}

/// What policies amount to.
#[track_caller]
fn sums(text: &str) -> Sums {
    sum::of(&read_text(text).unwrap())
}

fn indented(spec: &str) -> String {
    spec.lines().map(|line| format!("  {line}\n")).collect()
}

fn object(kind: &str, name: &str, spec: &str) -> String {
    let head = format!("apiVersion: projectcalico.org/v3\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n");
    head + &indented(spec)
}

/// A policy with this spec, each line indented.
fn policy(name: &str, spec: &str) -> String {
    object("GlobalNetworkPolicy", name, spec)
}

/// A policy of namespace `shop` for pods `app: web`.
fn shop(rest: &str) -> String {
    policy("p", &format!("namespaceSelector: projectcalico.org/name == 'shop'\nselector: app == 'web'\n{rest}"))
}

/// A set with its labels.
fn set(name: &str, labels: &str, nets: &str) -> String {
    format!(
        "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata:\n  name: {name}\n  labels: {labels}\nspec:\n  nets: {nets}\n"
    )
}

fn join(documents: &[String]) -> String {
    documents.join("---\n")
}

#[track_caller]
fn one(text: &str) -> Policy {
    let mut policies = read_text(text).unwrap();
    assert_eq!(policies.len(), 1);
    policies.remove(0)
}

/// The first error: line, message.
#[track_caller]
fn refused(text: &str) -> (usize, String) {
    read_text(text).unwrap_err().remove(0)
}

/// The message of the first error of a policy of `shop` with this rest.
#[track_caller]
fn refusal(rest: &str) -> String {
    refused(&shop(rest)).1
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())))
}

fn tcp(first: u16, last: u16) -> Ports {
    Ports { protocol: Protocol::Tcp, first, last }
}

fn block(cidr: &str, except: &[&str]) -> Peer {
    Peer::Block { cidr: cidr.parse().unwrap(), except: except.iter().map(|net| net.parse().unwrap()).collect() }
}

fn pods_of(namespace: &str, pairs: &[(&str, &str)]) -> Peer {
    Peer::Pods { namespaces: Namespaces::Named(namespace.into()), labels: labels(pairs) }
}

#[test]
fn a_policy_says_whom_it_governs_and_what_it_allows() {
    let policy = one(&shop(
        "tier: default\norder: 500\ntypes: [Ingress]\ningress:\n- action: Allow\n  protocol: TCP\n  source:\n    namespaceSelector: projectcalico.org/name == 'frontend'\n    selector: app == 'web' && track == 'a'\n  destination:\n    ports: [80, \"8000:8100\"]",
    ));
    assert_eq!((policy.name.as_str(), policy.kind, policy.namespace), ("p", "GlobalNetworkPolicy", None));
    assert_eq!(policy.subject, Selector::of_namespace("shop".into(), labels(&[("app", "web")])));
    assert_eq!(policy.isolates, [Direction::Ingress]);
    assert!(!policy.staged);
    let [rule] = policy.rules.as_slice() else { panic!("{:?}", policy.rules) };
    assert_eq!((rule.direction, rule.action), (Direction::Ingress, Action::Allow));
    assert_eq!(rule.peers, [pods_of("frontend", &[("app", "web"), ("track", "a")])]);
    assert_eq!(rule.ports, [tcp(80, 80), tcp(8000, 8100)]);
    assert!(rule.http.is_empty() && !rule.dns_proxy && rule.demands.is_empty() && rule.own.is_empty());
}

#[test]
fn a_baseline_without_rules_isolates_both_ways() {
    let text = policy(
        "base",
        "namespaceSelector: projectcalico.org/name == 'shop'\nselector: all()\ntypes: [Ingress, Egress]",
    );
    let policy = one(&text);
    assert_eq!(policy.isolates, [Direction::Ingress, Direction::Egress]);
    assert!(policy.rules.is_empty() && policy.subject.labels.is_empty() && policy.rank.end == End::Denies);
}

#[test]
fn a_staged_policy_says_what_it_would_enforce() {
    let spec = "namespaceSelector: projectcalico.org/name == 'shop'\ntypes: [Egress]\nstagedAction: Set";
    let policy = one(&object("StagedGlobalNetworkPolicy", "p", spec));
    assert!(policy.staged);
    assert_eq!(policy.isolates, [Direction::Egress]);
}
