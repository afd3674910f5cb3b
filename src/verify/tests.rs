//! Tests of the proof: by number of the law in `relation`, and against the naive evaluator.

mod diff;
mod guards;
mod law;
mod proof;
mod reach;

use super::normal::{Capabilities, Staging};
use crate::model::Labels;
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

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())))
}

/// Some place in some file.
fn span() -> Span {
    let mut sources = Sources::default();
    Span::new(sources.add("out/kubernetes/allow/shop.yaml", String::new()), 0..0)
}
