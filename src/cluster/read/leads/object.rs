//! Objects that lead to pods, as written: shapes only, no meaning yet.
//!
//! Types follow `core/v1`, `discovery/v1`, `networking/v1`, `admissionregistration/v1` and `rbac/v1` of kubernetes/api,
//! `apiregistration/v1` of kubernetes/kube-aggregator, and `apis/v1` of kubernetes-sigs/gateway-api. What is not needed
//! passes by.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;

use super::super::object::Metadata;
use crate::dialects::reading::object::{Pairs, PortValue};
use crate::dialects::reading::text::Text;

/// An object with a `spec`.
#[derive(Deserialize)]
pub(super) struct Specified<'a, S> {
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
    pub(super) spec: Option<S>,
}

#[derive(Deserialize)]
pub(super) struct ConfigMap<'a> {
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    pub(super) data: Option<Data<'a>>,
}

/// A map of texts in the order of their writing.
pub(super) struct Data<'a>(pub(super) Vec<(Text<'a>, Option<Spanned<Text<'a>>>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Data<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for V<'a> {
            type Value = Data<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = vec![];
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Data(entries))
            }
        }
        deserializer.deserialize_map(V(PhantomData))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceSpec<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    // The name that camel case gives is another.
    #[serde(borrow, rename = "clusterIP")]
    pub(super) cluster_ip: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) external_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) selector: Option<Pairs<'a>>,
    #[serde(borrow)]
    pub(super) ports: Option<Vec<Spanned<ServicePort<'a>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServicePort<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) protocol: Option<Text<'a>>,
    pub(super) port: Option<Spanned<PortValue>>,
    pub(super) target_port: Option<Spanned<PortValue>>,
}

#[derive(Deserialize)]
pub(super) struct Endpoints<'a> {
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    pub(super) subsets: Option<Vec<Subset<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subset<'a> {
    #[serde(borrow)]
    pub(super) addresses: Option<Vec<Address<'a>>>,
    #[serde(borrow)]
    pub(super) not_ready_addresses: Option<Vec<Address<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Address<'a> {
    #[serde(borrow)]
    pub(super) ip: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndpointSlice<'a> {
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    pub(super) address_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) endpoints: Option<Vec<Endpoint<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Endpoint<'a> {
    #[serde(borrow)]
    pub(super) addresses: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IngressSpec<'a> {
    #[serde(borrow)]
    pub(super) default_backend: Option<IngressBackend<'a>>,
    #[serde(borrow)]
    pub(super) rules: Option<Vec<IngressRule<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct IngressRule<'a> {
    #[serde(borrow)]
    pub(super) http: Option<IngressHttp<'a>>,
}

#[derive(Deserialize)]
pub(super) struct IngressHttp<'a> {
    #[serde(borrow)]
    pub(super) paths: Option<Vec<IngressPath<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct IngressPath<'a> {
    #[serde(borrow)]
    pub(super) backend: Option<IngressBackend<'a>>,
}

#[derive(Deserialize)]
pub(super) struct IngressBackend<'a> {
    /// Else it is a resource of another kind.
    #[serde(borrow)]
    pub(super) service: Option<IngressService<'a>>,
}

#[derive(Deserialize)]
pub(super) struct IngressService<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) port: Option<IngressPort<'a>>,
}

#[derive(Deserialize)]
pub(super) struct IngressPort<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    pub(super) number: Option<Spanned<PortValue>>,
}

#[derive(Deserialize)]
pub(super) struct RouteSpec<'a> {
    #[serde(borrow)]
    pub(super) rules: Option<Vec<RouteRule<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RouteRule<'a> {
    #[serde(borrow)]
    pub(super) backend_refs: Option<Vec<BackendRef<'a>>>,
    #[serde(borrow)]
    pub(super) filters: Option<Vec<Filter<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct BackendRef<'a> {
    #[serde(borrow)]
    pub(super) group: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) namespace: Option<Text<'a>>,
    pub(super) port: Option<Spanned<PortValue>>,
    #[serde(borrow)]
    pub(super) filters: Option<Vec<Filter<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter<'a> {
    #[serde(borrow)]
    pub(super) request_mirror: Option<Mirror<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mirror<'a> {
    #[serde(borrow)]
    pub(super) backend_ref: Option<Box<BackendRef<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Webhooks<'a> {
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    pub(super) webhooks: Option<Vec<Webhook<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Webhook<'a> {
    #[serde(borrow)]
    pub(super) client_config: Option<ClientConfig<'a>>,
}

#[derive(Deserialize)]
pub(super) struct ClientConfig<'a> {
    /// Else the API server calls a URL.
    #[serde(borrow)]
    pub(super) service: Option<ServiceRef<'a>>,
}

/// `spec` of an APIService.
#[derive(Deserialize)]
pub(super) struct Aggregated<'a> {
    /// Else the API server answers itself.
    #[serde(borrow)]
    pub(super) service: Option<ServiceRef<'a>>,
}

#[derive(Deserialize)]
pub(super) struct ServiceRef<'a> {
    #[serde(borrow)]
    pub(super) namespace: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    pub(super) port: Option<Spanned<PortValue>>,
}

#[derive(Deserialize)]
pub(super) struct Binding<'a> {
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    pub(super) subjects: Option<Vec<Subject<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Subject<'a> {
    #[serde(borrow)]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) namespace: Option<Text<'a>>,
}
