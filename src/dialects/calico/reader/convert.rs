//! What one object says, as far as it can be told without the others.
//!
//! Sources: the CustomResourceDefinitions, `libcalico-go/lib/validator/v3/validator.go` (`validateTier`,
//! `validateGlobalNetworkSet`), api `projectcalico/v3/tier.go`.
//!
//! 1. A tier ends in `Deny`, unless it says `Pass`. Of Calico's own tiers order and end are given: a manifest can only repeat
//!    them. What we write has no need to.
//! 2. A set has the addresses of its nets, under its labels. It cannot say in which namespace it is. In what we write it does
//!    not pose as something that inherits labels either: rules for pods would find it.
//! 3. Labels of a Namespace are inherited by the sets in it. Policies select by them without knowing them.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::object::{self, Number, PolicySpec, SetSpec, TierSpec, Version};
use super::order::{BUILT_IN, BuiltIn};
use super::parse::{self, Refusal};
use super::policy::Policy;
use super::policy::STAGED_REPORT;
use super::selector::{IN_NAMESPACE, OF_ACCOUNT, OF_NAMESPACE, Selector};
use super::{GLOBAL_SET, NAMESPACE, POLICY, SET, STAGED_KUBERNETES, TIER, VERSION};
use crate::diag::quote;
use crate::dialects::reading::networkpolicy::{self, NetworkPolicy};
use crate::dialects::reading::object::{Manifest, Metadata};
use crate::dialects::reading::plain::Placed;
use crate::dialects::reading::text::Text;
use crate::dialects::reading::{Purpose, Reader, owned, validity};
use crate::model::Sym;
use crate::source::Span;

/// One object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// `None`: its name is taken in the whole cluster.
    pub(super) namespace: Option<Sym>,
    /// Where it starts.
    pub(super) span: Span,
    pub(super) says: Says,
}

/// What an object says.
#[derive(Debug)]
pub(super) enum Says {
    Policy(Policy),
    /// A policy of Kubernetes.
    Kubernetes {
        policy: NetworkPolicy,
        staged: bool,
    },
    /// Addresses under labels.
    Set(Set),
    Tier(Tier),
    /// Labels of a namespace.
    Namespace(Vec<(String, String)>),
    /// Nothing about pods; why, for people.
    Nothing(&'static str),
}

#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) labels: Vec<(String, String)>,
    pub(super) nets: BTreeSet<IpNet>,
}

#[derive(Debug)]
pub(super) struct Tier {
    pub(super) order: Option<f64>,
    /// Its end hands over to the next tier, instead of denying.
    pub(super) passes: bool,
}

/// What an object says; `None` when an error was told.
pub(super) fn object(reader: &mut Reader<'_, '_>, kind: &str) -> Option<Object> {
    let span = reader.doc.top();
    match kind {
        TIER => {
            let manifest: Manifest<'_, TierSpec<'_>> = reader.parse()?;
            Convert { with: reader }.tier(&manifest, span)
        }
        SET | GLOBAL_SET => {
            let manifest: Manifest<'_, SetSpec<'_>> = reader.parse()?;
            Convert { with: reader }.set(&manifest, span)
        }
        NAMESPACE => {
            let namespace: object::Namespace<'_> = reader.parse()?;
            Convert { with: reader }.namespace(&namespace, span)
        }
        POLICY if !is_ours(reader)? => {
            let policy = networkpolicy::read(reader)?;
            let (name, namespace) = (policy.name.clone(), Some(policy.namespace.clone()));
            let kind = networkpolicy::KIND.1;
            Some(Object { kind, name, namespace, span, says: Says::Kubernetes { policy, staged: false } })
        }
        STAGED_KUBERNETES => staged_kubernetes(reader, span),
        _ => {
            let manifest: Manifest<'_, PolicySpec<'_>> = reader.parse()?;
            Convert { with: reader }.policy(&manifest, span)
        }
    }
}

/// A policy of Kubernetes that enforces nothing.
fn staged_kubernetes(reader: &mut Reader<'_, '_>, span: Span) -> Option<Object> {
    let policy = networkpolicy::read_staged(reader, |reader, action, says| {
        let deletes = match action {
            Some(text) => Convert { with: reader }.staged(text)?,
            None => false,
        };
        if deletes && says { Convert { with: reader }.says_too_much(span) } else { Some(()) }
    })?;
    let (name, namespace) = (policy.name.clone(), Some(policy.namespace.clone()));
    let says = match reader.purpose {
        Purpose::Rendered => Says::Kubernetes { policy, staged: true },
        Purpose::Given => Says::Nothing(STAGED_REPORT),
    };
    Some(Object { kind: STAGED_KUBERNETES, name, namespace, span, says })
}

/// Both projects call a kind NetworkPolicy.
fn is_ours(reader: &mut Reader<'_, '_>) -> Option<bool> {
    let version: Version<'_> = reader.parse()?;
    Some(reader.string(&version.api_version)? == VERSION)
}

/// One object while it is converted.
pub(super) struct Convert<'r, 'd, 's> {
    pub(super) with: &'r mut Reader<'d, 's>,
}

impl Convert<'_, '_, '_> {
    pub(super) fn error<T>(&mut self, span: Span, message: impl Into<String>, help: &str) -> Option<T> {
        self.with.error(span, message, help)
    }

    pub(super) fn refusal<T>(&mut self, text: &Text<'_>, (message, help): Refusal) -> Option<T> {
        let span = self.with.doc.place(text);
        self.error(span, message, help)
    }

    pub(super) fn is_rendered(&self) -> bool {
        self.with.purpose == Purpose::Rendered
    }

    /// Kind, metadata and spec.
    pub(super) fn manifest<'m, 'a, S>(
        &mut self,
        manifest: &'m Manifest<'a, S>,
    ) -> Option<(&'static str, &'m Metadata<'a>, &'m S)> {
        let kind = self.with.is(&manifest.api_version, &manifest.kind)?;
        let top = self.with.doc.top();
        let Some(metadata) = &manifest.metadata else {
            return self.error(top, "`metadata` is missing", "write the object's name");
        };
        let Some(spec) = &manifest.spec else {
            return self.error(top, "`spec` is missing", "write what the object says");
        };
        Some((kind, metadata, spec))
    }

    /// A selector, which may say `global()`.
    pub(super) fn selector(&mut self, text: &Text<'_>) -> Option<Selector> {
        let word = self.with.string(text)?;
        match parse::parse(word) {
            Ok(selector) => Some(selector),
            Err(why) => self.refusal(text, why),
        }
    }

    /// A selector where `global()` has no place, be it inside a value.
    pub(super) fn without_global(&mut self, text: &Text<'_>) -> Option<Selector> {
        if self.with.string(text)?.contains("global(") {
            let place = self.with.doc.place(text);
            let help = "write it alone, as the `namespaceSelector` of a rule";
            return self.error(place, "`global()` has no place here", help);
        }
        self.selector(text)
    }

    fn set(&mut self, manifest: &Manifest<'_, SetSpec<'_>>, span: Span) -> Option<Object> {
        let (kind, metadata, spec) = self.manifest(manifest)?;
        let named = self.with.metadata(metadata);
        let nets = self.set_nets(spec.nets.as_deref().unwrap_or_default());
        let namespace = match kind {
            SET => Some(self.with.namespace(metadata)?),
            _ => {
                self.with.no_namespace(metadata)?;
                None
            }
        };
        let ((name, labels), nets) = (named?, nets?);
        let (name, labels) = (name.to_owned(), owned(labels));
        let poses = |key: &str| key == IN_NAMESPACE || key.starts_with(OF_NAMESPACE) || key.starts_with(OF_ACCOUNT);
        let bad = |key: &str| if self.is_rendered() { poses(key) } else { key == IN_NAMESPACE };
        if let Some((key, _)) = labels.iter().find(|(key, _)| bad(key)) {
            let message = format!("the label {} would let a set pass for something in a namespace", quote(key));
            return self.error(span, message, "remove the label"); // 2
        }
        Some(Object { kind, name, namespace, span, says: Says::Set(Set { labels, nets }) })
    }

    /// 3.
    fn namespace(&mut self, namespace: &object::Namespace<'_>, span: Span) -> Option<Object> {
        let kind = self.with.is(&namespace.api_version, &namespace.kind)?;
        let Some(metadata) = &namespace.metadata else {
            return self.error(span, "`metadata` is missing", "write the object's name");
        };
        let (name, labels) = self.with.metadata(metadata)?;
        Some(Object { kind, name: name.to_owned(), namespace: None, span, says: Says::Namespace(owned(labels)) })
    }

    /// 1.
    fn tier(&mut self, manifest: &Manifest<'_, TierSpec<'_>>, span: Span) -> Option<Object> {
        let (kind, metadata, spec) = self.manifest(manifest)?;
        self.with.no_namespace(metadata)?;
        let (name, _) = self.with.metadata(metadata)?;
        let place = self.with.doc.place(&metadata.name);
        if !validity::is_dns_label(name) {
            let help = "write at most 63 lower-case letters, digits and hyphens";
            return self.error(place, "this is no name of a tier", help);
        }
        let passes = match &spec.default_action {
            None => false,
            Some(text) => match self.with.string(text)? {
                "Pass" => true,
                "Deny" => false,
                other => {
                    let message = format!("{} is no end of a tier", quote(other));
                    return self.error(self.with.doc.place(text), message, "write `Pass` or `Deny`");
                }
            },
        };
        let tier = Tier { order: number(spec.order.as_ref()), passes };
        if let Some(built_in) = BUILT_IN.iter().find(|built_in| built_in.name == name) {
            if self.is_rendered() {
                let message = format!("the tier {} is Calico's own", quote(name));
                return self.error(place, message, "write a tier of another name");
            }
            if built_in.is_fixed && !built_in.is(&tier) {
                let BuiltIn { order, .. } = built_in;
                let end = if built_in.passes { "Pass" } else { "Deny" };
                let message = format!("the tier {} is Calico's own, and cannot be changed", quote(name));
                return self.error(place, message, &format!("write `order: {order}` and `defaultAction: {end}`"));
            }
        }
        Some(Object { kind, name: name.to_owned(), namespace: None, span, says: Says::Tier(tier) })
    }
}

/// Both zeros are one.
pub(super) fn number(number: Option<&Placed<Number>>) -> Option<f64> {
    number.map(|number| number.value.0 + 0.0)
}
