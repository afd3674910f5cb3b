//! What this dialect's selectors cannot say, at the line that asks for it.
//!
//! In: the model. Out: an error for each tier, peer or part of the project file whose labels Calico would read otherwise,
//! or whose selector is longer than the API server takes. What else Calico cannot say follows from its capabilities.

use super::name::DEFAULT_TIER;
use super::selector::{self, MAX_SELECTOR, Unsayable};
use super::{NAME, guards};
use crate::diag::{Diagnostic, codes, quote};
use crate::dialects::Review;
use crate::model::{DnsPeer, Model, PodSet};
use crate::source::Span;

/// Reviews every selector once, whatever the number of rules that use it.
pub fn review(model: &Model) -> Review {
    let mut review = Review::default();
    let mut add = |result: Result<(), Unsayable>, span: Option<Span>, whose: &str| {
        review.errors.extend(result.err().map(|why| explain(&why, span, whose)));
    };
    for (_, tier) in model.tiers() {
        let whose = format!("the pods of {}", quote(&tier.name));
        add(selectors(&tier.pods), Some(tier.pods_span), &whose);
    }
    for (_, peer) in model.peers() {
        add(selectors(&peer.pods), Some(peer.namespace_span), &format!("the pods of {}", quote(&peer.name)));
    }
    let profile = &model.profile;
    if model.tiers().any(|(_, tier)| !tier.metrics.is_empty()) {
        add(selectors(&profile.scrapers), None, "the scrapers of the project file");
    }
    for peer in &profile.dns.peers {
        if let DnsPeer::Pods(pods) = peer {
            add(selectors(pods), None, "the pods of the cluster's DNS");
        }
    }
    for guard in model.guards() {
        let result = guards::guard(&guard, super::Wording::of(model)).map(|_| ());
        let span = profile.asked.get(guard.name()).copied();
        add(result, span, &format!("the namespaces that the guard {} leaves out", quote(guard.name())));
    }
    if guards::TIERS.contains(&&*profile.tier) {
        let message = format!("{NAME} policies cannot stand in the tier {}", quote(&profile.tier));
        let error = Diagnostic::placeless(codes::INEXPRESSIBLE, message);
        review.errors.push(error.note("it is that of a guard").help("name another `tier` in netpolc.toml"));
    } else if *profile.tier != *DEFAULT_TIER {
        let mut note = format!("the policies stand in the tier {}, which must exist", quote(&profile.tier));
        if !model.guards().is_empty() {
            note.push_str(&format!(", of an order {}", guards::between()));
        }
        review.notes.push(note);
    }
    review
}

fn selectors(pods: &PodSet) -> Result<(), Unsayable> {
    selector::pods(&pods.labels)?;
    selector::namespaces(&pods.namespaces)?;
    Ok(())
}

/// What to say of something that cannot be selected.
pub fn explain(why: &Unsayable, span: Option<Span>, whose: &str) -> Diagnostic {
    let (message, help) = match why {
        Unsayable::Reserved(key) => (
            format!("{NAME} cannot select {whose} by the label {}", quote(key)),
            "Calico sets this label itself: select by another one",
        ),
        Unsayable::Word(word) => (
            format!("{NAME} cannot select {whose} by {}", quote(word)),
            "write labels as Kubernetes takes them: letters, digits, `-`, `_` and `.`",
        ),
        Unsayable::Long(length) => (
            format!("{NAME} cannot select {whose} in {MAX_SELECTOR} characters: it needs {length}"),
            "select by fewer or shorter labels, or name fewer namespaces",
        ),
    };
    match span {
        Some(span) => Diagnostic::error(codes::INEXPRESSIBLE, span, message),
        None => Diagnostic::placeless(codes::INEXPRESSIBLE, message),
    }
    .help(help)
}
