//! A NetworkPolicy as written: shapes only, no meaning yet.
//!
//! Types follow `networking/v1/types.go` of kubernetes/api. What a list holds is optional because null reads as an
//! object without fields, which as a rule would allow everything: so null is seen, and refused.

use serde::Deserialize;

use super::super::object::{PortValue, Selector};
use super::super::text::Text;
use crate::dialects::reading::plain::Placed;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Spec<'a> {
    #[serde(borrow)]
    pub(super) pod_selector: Option<Selector<'a>>,
    #[serde(borrow)]
    pub(super) policy_types: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) ingress: Option<Vec<Placed<Option<Ingress<'a>>>>>,
    #[serde(borrow)]
    pub(super) egress: Option<Vec<Placed<Option<Egress<'a>>>>>,
}

/// The same of a staged kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Staged<'a> {
    #[serde(borrow)]
    pod_selector: Option<Selector<'a>>,
    #[serde(borrow)]
    policy_types: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    ingress: Option<Vec<Placed<Option<Ingress<'a>>>>>,
    #[serde(borrow)]
    egress: Option<Vec<Placed<Option<Egress<'a>>>>>,
    #[serde(borrow)]
    staged_action: Option<Text<'a>>,
}

impl<'a> Staged<'a> {
    /// What it would enforce, and what is to be done with it.
    pub(super) fn parts(self) -> (Spec<'a>, Option<Text<'a>>) {
        let Self { pod_selector, policy_types, ingress, egress, staged_action } = self;
        (Spec { pod_selector, policy_types, ingress, egress }, staged_action)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ingress<'a> {
    #[serde(borrow)]
    pub(super) from: Option<Vec<Option<Peer<'a>>>>,
    #[serde(borrow)]
    pub(super) ports: Option<Vec<Option<Port<'a>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Egress<'a> {
    #[serde(borrow)]
    pub(super) to: Option<Vec<Option<Peer<'a>>>>,
    #[serde(borrow)]
    pub(super) ports: Option<Vec<Option<Port<'a>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Peer<'a> {
    #[serde(borrow)]
    pub(super) pod_selector: Option<Selector<'a>>,
    #[serde(borrow)]
    pub(super) namespace_selector: Option<Selector<'a>>,
    #[serde(borrow)]
    pub(super) ip_block: Option<Block<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Block<'a> {
    #[serde(borrow)]
    pub(super) cidr: Text<'a>,
    #[serde(borrow)]
    pub(super) except: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Port<'a> {
    #[serde(borrow)]
    pub(super) protocol: Option<Text<'a>>,
    pub(super) port: Option<Placed<PortValue>>,
    pub(super) end_port: Option<Placed<PortValue>>,
}
