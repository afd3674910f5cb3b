//! Tests of the proof: by number of the law in `relation`, and against the naive evaluator.

mod diff;
mod guards;
mod law;
mod ordered;
mod proof;
mod reach;

use super::expected::Terms;
use super::normal::{self, Capabilities, Engine, Staging};
use super::{Mismatch, Permitted, Proof, sum};
use crate::model::{Labels, Model};
use crate::source::{Sources, Span};

/// A target that knows pods, addresses and ports alone.
const ADDRESSES: Capabilities = Capabilities {
    http: false,
    host_names: false,
    entities: false,
    local_redirect: false,
    guards: false,
    staged: Staging::None,
    log_denied: false,
};

/// The proof of policies that add up. Going through the classes must find the same: a difference, or none.
fn prove(
    model: &Model,
    can: Capabilities,
    permitted: &Permitted,
    policies: &[sum::Policy],
) -> Result<Proof, Vec<Mismatch>> {
    let ranked: Vec<normal::Policy> = policies.iter().cloned().flat_map(sum::Policy::ranked).collect();
    let proof = super::prove(model, can, permitted, &ranked);
    let terms = Terms { model, can, permitted };
    let namespaces = model.namespaces.keys().cloned().collect();
    let classes = super::ordered::mismatches(terms, Engine::of(can), &ranked, &namespaces, true);
    // What is no question of what may pass is looked at once.
    let apart = |mismatch: &Mismatch| {
        matches!(
            mismatch,
            Mismatch::Duplicate { .. }
                | Mismatch::Staged { .. }
                | Mismatch::Inexpressible { .. }
                | Mismatch::Unguarded { .. }
                | Mismatch::Unlearned { .. }
                | Mismatch::Unmanaged { .. }
                | Mismatch::More(_)
        )
    };
    match &proof {
        Ok(_) => assert_eq!(classes, [], "class by class something differs"),
        Err(found) if found.iter().all(apart) => {}
        Err(found) => assert!(!classes.is_empty(), "class by class nothing differs: {found:?}"),
    }
    proof
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())))
}

/// Some place in some file.
fn span() -> Span {
    let mut sources = Sources::default();
    Span::new(sources.add("out/kubernetes/allow/shop.yaml", String::new()), 0..0)
}
