//! Cluster-wide guards: each a tier of its own that hands over at its end, and one policy in it.
//!
//! In: the guards of the project file. Out: for each a tier and a policy. A tier that ends in `Pass` isolates nothing; what
//! its policy does not deny is decided by the tiers after it, as if it were not there. Host endpoints are in no namespace,
//! so no guard governs them.

use serde::Serialize;

use super::selector::{self, Unsayable};
use super::view::{self, PolicyView, SideView};
use super::{Wording, name};
use crate::dialects::writing::about::{self, Annotations};
use crate::dialects::writing::turn;
use crate::model::address::metadata_hosts;
use crate::model::{Cidrs, Direction, Guard};

/// The tier of what is denied whatever others allow. Calico's first own tier has the order 1000, and teams number theirs
/// from 100: an allow in an earlier tier would be final.
const BEFORE_ALL: Tier = Tier { name: "netpolc-guards", order: 10 };
/// The tier of what is denied unless others allow it: after all of Calico's own, of which the last has the order
/// 10,000,000, so that what any team's policy decides stays decided.
const AFTER_ALL: Tier = Tier { name: "netpolc-default-deny", order: 20_000_000 };
/// The tiers of the guards, which hold nothing else.
pub const TIERS: [&str; 2] = [BEFORE_ALL.name, AFTER_ALL.name];
/// The place of the one policy in its tier.
const ORDER: u32 = 100;

/// A tier of a guard.
#[derive(Clone, Copy)]
struct Tier {
    name: &'static str,
    order: u32,
}

/// One Tier.
#[derive(Debug, Clone, Serialize)]
pub struct TierView {
    /// Its name.
    pub name: &'static str,
    /// When it is applied and deleted: keys and texts.
    pub annotations: Annotations<'static>,
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
pub fn guard(guard: &Guard, wording: Wording) -> Result<(TierView, PolicyView<'static>), Unsayable> {
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
        annotations: about::guard(guard, turn::GUARD_IN_TIER),
        staged: wording.staged,
        tier: tier.name,
        order: ORDER,
        namespace_selector: selector::all_but(guard.except())?.into(),
        selector: selector::pods(&Default::default())?,
        types: directions.iter().map(|direction| view::type_name(*direction)).collect(),
        sides: directions
            .iter()
            .map(|direction| SideView { key: view::side_key(*direction), rules: rules.clone() })
            .collect(),
    };
    Ok((tier.view(), policy))
}

impl Tier {
    fn view(self) -> TierView {
        // Flux deletes kinds in the reverse order of their names and would begin with a tier, whose deletion fails while its
        // policy stands (fluxcd/pkg, ssa/manager_delete.go). An empty tier passes on whatever comes: there it stays.
        let kept = ("kustomize.toolkit.fluxcd.io/prune", "disabled".into());
        let annotations = turn::REFERRED.annotations().chain([kept]).collect();
        TierView { name: self.name, annotations, order: self.order, default_action: "Pass" }
    }
}
