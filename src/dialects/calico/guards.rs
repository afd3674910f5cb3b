//! Cluster-wide guards: each a tier of its own that hands over at its end, and one policy in it.
//!
//! In: the guards of the project file. Out: for each a tier and a policy. A tier that ends in `Pass` isolates nothing; what
//! its policy does not deny is decided by the tiers after it, as if it were not there. Host endpoints are in no namespace,
//! so no guard governs them.

use serde::Serialize;

use super::selector::{self, Unsayable};
use super::view::{self, PolicyView, SideView};
use super::{Wording, name};
use crate::dialects::writing::about;
use crate::model::address::metadata_hosts;
use crate::model::{Cidrs, Direction, Guard};

/// The tier of what is denied whatever others allow. Calico's first own tier has the order 1000, and teams number theirs
/// from 100: an allow in an earlier tier would be final.
const BEFORE_ALL: TierView = TierView { name: "netpolc-guards", order: 10, default_action: "Pass" };
/// The tier of what is denied unless others allow it: after all of Calico's own, of which the last has the order
/// 10,000,000, so that what any team's policy decides stays decided.
const AFTER_ALL: TierView = TierView { name: "netpolc-default-deny", order: 20_000_000, default_action: "Pass" };
/// The tiers of the guards, which hold nothing else.
pub const TIERS: [&str; 2] = [BEFORE_ALL.name, AFTER_ALL.name];
/// The place of the one policy in its tier.
const ORDER: u32 = 100;

/// One Tier.
#[derive(Debug, Clone, Serialize)]
pub struct TierView {
    /// Its name.
    pub name: &'static str,
    /// Its place among tiers.
    pub order: u32,
    /// What happens at its end.
    pub default_action: &'static str,
}

/// Where the tiers of other policies must stand, in words.
pub fn between() -> String {
    format!("above {} and below {}", BEFORE_ALL.order, AFTER_ALL.order)
}

/// Tier and policy of a guard.
pub fn guard(guard: &Guard, wording: Wording) -> Result<(TierView, PolicyView), Unsayable> {
    let (tier, directions) = match guard {
        Guard::MetadataDeny { .. } => (BEFORE_ALL, vec![Direction::Egress]),
        Guard::DefaultDeny { .. } => (AFTER_ALL, vec![Direction::Ingress, Direction::Egress]),
    };
    let rules = match guard {
        Guard::MetadataDeny { .. } => view::denied(&Cidrs::new(metadata_hosts())),
        Guard::DefaultDeny { .. } => wording.denied(),
    };
    let policy = PolicyView {
        kind: wording.kind(),
        name: name::in_tier(tier.name, guard.name()),
        annotations: about::guard(guard),
        staged: wording.staged,
        tier: tier.name.to_owned(),
        order: ORDER,
        namespace_selector: selector::all_but(guard.except())?,
        selector: selector::pods(&Default::default())?,
        types: directions.iter().map(|direction| view::type_name(*direction)).collect(),
        sides: directions
            .iter()
            .map(|direction| SideView { key: view::side_key(*direction), rules: rules.clone() })
            .collect(),
    };
    Ok((tier, policy))
}
