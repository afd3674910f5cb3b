//! The proof in parts: what it accepts, the whole proof accepts.

use proptest::prelude::*;

use super::agreement::{apply, change};
use super::guards::guarded;
use super::proof::{model, policies};
use super::reach::RICH;
use super::{ADDRESSES, ranked, span};
use crate::model::{Forbid, ForbidEnd, ForbidSet, Model, Sym};
use crate::source::Span;
use crate::verify::normal::{Capabilities, Namespaces, Policy};
use crate::verify::{Permitted, Proof, Prover, Undecided, prove};

/// A policy and the namespace of the part that it stands in; `None`: it stands in that of no namespace.
type Placed = (Option<Sym>, Policy);

/// By the namespace that a policy names.
fn part(model: &Model, policy: &Policy) -> Option<Sym> {
    match &policy.subject.namespaces {
        Namespaces::Named(name) if model.is_managed(name) => Some(name.clone()),
        _ => None,
    }
}

fn in_parts(model: &Model, can: Capabilities, placed: &[Placed]) -> Result<Proof, Undecided> {
    let of = |which: Option<&Sym>| -> Vec<Policy> {
        let part = placed.iter().filter(|(name, _)| name.as_ref() == which);
        part.map(|(_, policy)| policy.clone()).collect()
    };
    let permitted = Permitted::default();
    let prover = Prover::new(model, can, &permitted, &of(None))?;
    let parts: Result<Vec<_>, _> =
        model.namespaces.keys().map(|name| prover.namespace(name, &of(Some(name)))).collect();
    prover.finish(parts?)
}

fn worlds() -> [(Model, Vec<Placed>, Capabilities); 2] {
    [(model(), policies(), ADDRESSES), (guarded().0, guarded().1, RICH)].map(|(model, policies, can)| {
        let ranked = policies.into_iter().flat_map(ranked);
        let placed = ranked.map(|policy| (part(&model, &policy), policy)).collect();
        (model, placed, can)
    })
}

#[test]
fn a_part_for_each_namespace_proves_what_the_whole_does() {
    for (model, placed, can) in worlds() {
        let whole: Vec<Policy> = placed.iter().map(|(_, policy)| policy.clone()).collect();
        let proof = prove(&model, can, &Permitted::default(), &whole).unwrap();
        assert_eq!(in_parts(&model, can, &placed), Ok(proof));
    }
}

#[test]
fn every_namespace_has_one_part() {
    let (model, placed, can) = worlds().into_iter().next().unwrap();
    let permitted = Permitted::default();
    let prover = Prover::new(&model, can, &permitted, &[]).unwrap();
    let part = |name: &str| {
        let own = placed.iter().filter(|(of, _)| of.as_deref() == Some(name)).map(|(_, policy)| policy.clone());
        prover.namespace(&name.into(), &own.collect::<Vec<_>>())
    };
    let (one, other) = (|| part("frontend").unwrap(), || part("db").unwrap());
    assert!(prover.finish([one(), other()]).is_ok());
    assert_eq!(prover.finish([one()]), Err(Undecided));
    assert_eq!(prover.finish([one(), one(), other()]), Err(Undecided));
    assert!(part("legacy").is_err());
}

/// From one part to the other, as the model itself has it: whoever holds the intents against their guardrails told it before.
#[test]
fn what_is_forbidden_between_two_parts_is_for_the_whole_proof() {
    let (model, placed, can) = worlds().into_iter().next().unwrap();
    let end = |tier: usize| ForbidEnd {
        name: model.tiers[tier].name.clone(),
        set: ForbidSet::Pods(model.tiers[tier].pods.clone()),
    };
    let forbids = |from: usize, to: usize, transitive: bool| {
        let (from, to) = (end(from), end(to));
        let forbid = Forbid { app: None, from, to, ports: vec![], except: vec![], transitive, why: None, span: span() };
        Model { forbids: vec![forbid], ..model.clone() }
    };
    let whole: Vec<Policy> = placed.iter().map(|(_, policy)| policy.clone()).collect();
    for transitive in [false, true] {
        let fine = forbids(1, 0, transitive);
        let proof = prove(&fine, can, &Permitted::default(), &whole).unwrap();
        assert_eq!(in_parts(&fine, can, &placed), Ok(proof));
        let violated = forbids(0, 1, transitive);
        assert!(prove(&violated, can, &Permitted::default(), &whole).is_err());
        assert_eq!(in_parts(&violated, can, &placed), Err(Undecided));
    }
}

/// What stands in one tier is told apart by orders, which each part counts by itself; what comes in a later tier comes too late.
#[test]
fn a_guard_that_stands_in_no_earlier_tier_than_an_allow_is_for_the_whole_proof() {
    let [_, (model, mut placed, can)] = worlds();
    assert!(in_parts(&model, can, &placed).is_ok());
    let allows = placed.iter().filter(|(of, _)| of.is_some()).map(|(_, policy)| policy.rank.tier).max().unwrap();
    for tier in [allows, allows + 1] {
        placed.iter_mut().filter(|(of, _)| of.is_none()).for_each(|(_, guard)| guard.rank.tier = tier);
        assert_eq!(in_parts(&model, can, &placed), Err(Undecided), "tier {tier}");
    }
}

/// Two objects of one name in two parts replace each other in the cluster, if the name is taken in all of it.
#[test]
fn names_that_the_cluster_has_once_are_taken_once() {
    let (model, mut placed, can) = worlds().into_iter().next().unwrap();
    for (number, (_, policy)) in placed.iter_mut().enumerate() {
        policy.namespace = None;
        policy.name = format!("policy-{number}");
        policy.span = Span::new(span().file, number * 10..number * 10 + 5);
    }
    assert!(in_parts(&model, can, &placed).is_ok());
    let last = placed.len() - 1;
    assert_ne!(placed[0].0, placed[last].0);
    placed[last].1.name = "policy-0".to_owned();
    assert_eq!(in_parts(&model, can, &placed), Err(Undecided));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_in_parts_is_accepted_as_a_whole(
        changes in proptest::collection::vec(change(), 0..3),
        which in 0..2_usize,
        // Names of the whole cluster, objects each of their own place, and what is added in the part that it is about.
        (clusterwide, apart, follows) in any::<(bool, bool, bool)>(),
        moved in proptest::option::weighted(0.2, any::<(prop::sample::Index, bool)>()),
    ) {
        let [one, other] = worlds();
        let (model, placed, can) = if which == 0 { one } else { other };
        let files: Vec<Option<Sym>> = placed.iter().map(|(file, _)| file.clone()).collect();
        let mut said: Vec<Policy> = placed.into_iter().map(|(_, policy)| policy).collect();
        for (number, policy) in said.iter_mut().enumerate() {
            policy.span = Span::new(span().file, number * 10..number * 10 + 5);
            if clusterwide {
                policy.namespace = None;
                policy.name = format!("{}-{number}", policy.name);
            }
        }
        changes.into_iter().for_each(|change| apply(&mut said, change));
        let place = |policy: &Policy| {
            let of_file = files.get(policy.span.start as usize / 10).cloned().flatten();
            if follows { part(&model, policy) } else { of_file }
        };
        let mut placed: Vec<Placed> = said.iter().map(|policy| (place(policy), policy.clone())).collect();
        if let Some((at, to_none)) = moved && !placed.is_empty() {
            let at = at.index(placed.len());
            placed[at].0 = if to_none { None } else { model.namespaces.keys().next().cloned() };
        }
        if apart {
            for (number, (_, policy)) in placed.iter_mut().enumerate() {
                policy.span = Span::new(span().file, number * 10..number * 10 + 5);
            }
        }
        if let Ok(proof) = in_parts(&model, can, &placed) {
            let whole: Vec<Policy> = placed.into_iter().map(|(_, policy)| policy).collect();
            prop_assert_eq!(prove(&model, can, &Permitted::default(), &whole), Ok(proof));
        }
    }
}
