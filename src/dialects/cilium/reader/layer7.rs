//! What may stand above ports, as written: shapes only, no meaning yet.
//!
//! Types follow pkg/policy/api (l4.go, l7.go, http.go) and the CustomResourceDefinitions made of them.

use serde::Deserialize;

use super::object::{List, Name};
use crate::dialects::reading::object::{Pairs, PortValue};
use crate::dialects::reading::text::Text;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct L7Rules<'a> {
    #[serde(borrow)]
    pub(super) http: List<Http<'a>>,
    #[serde(borrow)]
    pub(super) dns: List<Name<'a>>,
    #[serde(borrow)]
    pub(super) kafka: List<Kafka<'a>>,
    #[serde(borrow)]
    pub(super) l7proto: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) l7: List<Pairs<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Http<'a> {
    #[serde(borrow)]
    pub(super) method: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) path: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) host: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) headers: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) header_matches: List<HeaderMatch<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderMatch<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) value: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) mismatch: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) secret: Option<Secret<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Secret<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) namespace: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Kafka<'a> {
    #[serde(borrow)]
    pub(super) api_key: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) api_version: Option<Text<'a>>,
    #[serde(rename = "clientID", borrow)]
    pub(super) client_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) role: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) topic: Option<Text<'a>>,
}

/// An end of TLS.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Tls<'a> {
    #[serde(borrow)]
    pub(super) secret: Option<Secret<'a>>,
    #[serde(rename = "certificate", borrow)]
    pub(super) _certificate: Option<Text<'a>>,
    #[serde(rename = "privateKey", borrow)]
    pub(super) _private_key: Option<Text<'a>>,
    #[serde(rename = "trustedCA", borrow)]
    pub(super) _trusted_ca: Option<Text<'a>>,
}

/// A listener of somebody's own proxy configuration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Listener<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) envoy_config: Option<EnvoyConfig<'a>>,
    #[serde(rename = "priority")]
    pub(super) priority: Option<PortValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvoyConfig<'a> {
    #[serde(borrow)]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
}

/// What must be shown before anything passes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Authentication<'a> {
    #[serde(borrow)]
    pub(super) mode: Option<Text<'a>>,
}
