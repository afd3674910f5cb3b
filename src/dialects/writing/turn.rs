//! When Argo CD applies an object, and when it deletes it.
//!
//! Objects are applied wave by wave: what others refer to, then what allows, then what denies, so that a first roll-out opens
//! every flow before it closes the rest. What is no longer rendered is deleted behind all waves (`PruneLast`): within a wave
//! Argo CD deletes before it applies, and a renamed allow would be gone before its successor is there, a default deny in
//! another tier too (argoproj/gitops-engine, pkg/sync/sync_context.go: `getSyncTasks`, `runTasks`).

use std::borrow::Cow;

/// The wave of an object; one without an annotation is in wave 0 (syncwaves/waves.go).
const WAVE: &str = "argocd.argoproj.io/sync-wave";
/// How an object is synced (common/types.go).
const OPTIONS: &str = "argocd.argoproj.io/sync-options";

/// The place of an object among the others of a sync.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    wave: Option<&'static str>,
    prune_last: bool,
}

/// Sets and tiers, to which policies refer.
pub const REFERRED: Turn = Turn { wave: Some("-1"), prune_last: true };
/// What allows.
pub const ALLOW: Turn = Turn { wave: None, prune_last: true };
/// Default denies and guards.
pub const DENY: Turn = Turn { wave: Some("1"), prune_last: true };
/// A guard in a tier of its own. A tier that still holds a policy cannot be deleted (projectcalico/calico,
/// libcalico-go/lib/clientv3/tier.go), and what goes last goes all at once: so the policy goes before its tier.
pub const GUARD_IN_TIER: Turn = Turn { wave: Some("1"), prune_last: false };

impl Turn {
    /// The annotations that say so.
    pub fn annotations<'a>(self) -> impl Iterator<Item = (&'static str, Cow<'a, str>)> {
        let option = self.prune_last.then_some("PruneLast=true");
        let entry = |key, value: Option<&'static str>| value.map(|value| (key, Cow::Borrowed(value)));
        [entry(OPTIONS, option), entry(WAVE, self.wave)].into_iter().flatten()
    }
}
