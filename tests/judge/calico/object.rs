//! The objects of `projectcalico.org/v3`, as far as they are judged: any other field is refused.

use serde::Deserialize;

use super::super::{Direction, Metadata, check_ranges};
use super::Selector;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "version and kind are looked at before")]
pub struct Tier {
    api_version: String,
    kind: String,
    pub metadata: Metadata,
    pub spec: TierSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TierSpec {
    pub order: Option<f64>,
    pub default_action: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "version and kind are looked at before")]
pub struct NetworkSet {
    api_version: String,
    kind: String,
    pub metadata: Metadata,
    pub spec: NetworkSetSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSetSpec {
    #[serde(default)]
    pub nets: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "version and kind are looked at before")]
pub struct Policy {
    api_version: String,
    kind: String,
    pub metadata: Metadata,
    pub spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    pub tier: Option<String>,
    pub order: Option<f64>,
    pub selector: Option<Selector>,
    pub namespace_selector: Option<Selector>,
    pub service_account_selector: Option<Selector>,
    pub types: Option<Vec<Type>>,
    #[serde(default)]
    pub ingress: Vec<Rule>,
    #[serde(default)]
    pub egress: Vec<Rule>,
    /// Of the staged kinds: only `Set` stands for the policy itself.
    pub staged_action: Option<String>,
}

#[derive(Deserialize)]
pub enum Type {
    Ingress,
    Egress,
}

impl Type {
    pub fn direction(&self) -> Direction {
        match self {
            Self::Ingress => Direction::Ingress,
            Self::Egress => Direction::Egress,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    pub action: Action,
    #[serde(rename = "ipVersion")]
    pub ip_version: Option<u8>,
    pub protocol: Option<Number>,
    pub not_protocol: Option<Number>,
    #[serde(default)]
    pub source: Entity,
    #[serde(default)]
    pub destination: Entity,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub enum Action {
    Allow,
    Deny,
    Log,
    Pass,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entity {
    #[serde(default)]
    pub nets: Vec<String>,
    #[serde(default)]
    pub not_nets: Vec<String>,
    pub selector: Option<Selector>,
    pub not_selector: Option<Selector>,
    pub namespace_selector: Option<Selector>,
    pub service_accounts: Option<ServiceAccounts>,
    #[serde(default)]
    pub ports: Vec<Number>,
    #[serde(default)]
    pub not_ports: Vec<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccounts {
    #[serde(default)]
    pub names: Vec<String>,
    pub selector: Option<Selector>,
}

/// A port or a protocol.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Number {
    Number(u16),
    Text(String),
}

impl Spec {
    /// Refuses what would be no answer later.
    pub fn check(&self) -> Result<(), String> {
        if self.staged_action.as_deref().is_some_and(|action| action != "Set") {
            return Err("a staged action other than Set".to_owned());
        }
        let mut selectors: Vec<&Selector> = self.selector.iter().chain(&self.service_account_selector).collect();
        for rule in self.ingress.iter().chain(&self.egress) {
            if !rule.source.ports.is_empty() || !rule.source.not_ports.is_empty() {
                return Err("ports of sources".to_owned());
            }
            for entity in [&rule.source, &rule.destination] {
                check_ranges(entity.nets.iter().chain(&entity.not_nets))?;
                let accounts = entity.service_accounts.as_ref().and_then(|accounts| accounts.selector.as_ref());
                selectors.extend(entity.selector.iter().chain(&entity.not_selector).chain(accounts));
            }
        }
        if selectors.into_iter().any(Selector::has_global) {
            return Err("global() outside of a namespace selector".to_owned());
        }
        Ok(())
    }
}
