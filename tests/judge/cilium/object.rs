//! The objects of `cilium.io/v2`, as far as they are judged: any other field is refused.

use serde::Deserialize;
use serde_yaml::Value;

use super::super::{Direction, LabelSelector, Metadata, check_ranges};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "version and kind are looked at before")]
pub struct CidrGroup {
    api_version: String,
    kind: String,
    pub metadata: Metadata,
    pub spec: CidrGroupSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CidrGroupSpec {
    #[serde(rename = "externalCIDRs")]
    pub external_cidrs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "version and kind are looked at before")]
pub struct Policy {
    api_version: String,
    kind: String,
    pub metadata: Metadata,
    pub spec: Option<Spec>,
    #[serde(default)]
    pub specs: Vec<Spec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    #[expect(dead_code, reason = "for people; unknown fields are refused")]
    description: Option<String>,
    pub endpoint_selector: LabelSelector,
    #[serde(default)]
    enable_default_deny: DefaultDeny,
    #[serde(default)]
    ingress: Vec<Rule>,
    #[serde(default)]
    egress: Vec<Rule>,
    #[serde(default)]
    ingress_deny: Vec<Rule>,
    #[serde(default)]
    egress_deny: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DefaultDeny {
    ingress: Option<bool>,
    egress: Option<bool>,
}

/// A rule of either direction: the directions differ in the names of the fields alone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    #[serde(alias = "fromEndpoints", alias = "toEndpoints")]
    pub endpoints: Option<Vec<LabelSelector>>,
    #[serde(alias = "fromEntities", alias = "toEntities")]
    pub entities: Option<Vec<String>>,
    #[serde(alias = "fromCIDR", alias = "toCIDR")]
    pub cidr: Option<Vec<String>>,
    #[serde(alias = "fromCIDRSet", alias = "toCIDRSet")]
    pub cidr_set: Option<Vec<CidrRule>>,
    #[serde(alias = "toFQDNs")]
    pub fqdns: Option<Vec<Fqdn>>,
    pub to_ports: Option<Vec<PortRule>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CidrRule {
    pub cidr: Option<String>,
    pub cidr_group_ref: Option<String>,
    #[serde(default)]
    pub except: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fqdn {
    pub match_name: Option<String>,
    pub match_pattern: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortRule {
    #[serde(default)]
    pub ports: Vec<Port>,
    /// Layer 7, symbolically.
    pub rules: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Port {
    pub port: String,
    pub end_port: Option<u16>,
    pub protocol: Option<String>,
}

impl Spec {
    pub fn allows(&self, direction: Direction) -> &[Rule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    pub fn denies(&self, direction: Direction) -> &[Rule] {
        match direction {
            Direction::Ingress => &self.ingress_deny,
            Direction::Egress => &self.egress_deny,
        }
    }

    /// Any rule isolates in its direction, a denial too, unless the policy says otherwise. That it should isolate is
    /// nothing without a rule (cilium/cilium#35558).
    pub fn isolates(&self, direction: Direction) -> bool {
        let wanted = match direction {
            Direction::Ingress => self.enable_default_deny.ingress,
            Direction::Egress => self.enable_default_deny.egress,
        };
        let any = !self.allows(direction).is_empty() || !self.denies(direction).is_empty();
        any && wanted.unwrap_or(true)
    }

    /// Refuses what would be no answer later.
    pub fn check(&self) -> Result<(), String> {
        for rule in [&self.ingress, &self.egress, &self.ingress_deny, &self.egress_deny].into_iter().flatten() {
            check_ranges(rule.cidr.iter().flatten())?;
            for set in rule.cidr_set.iter().flatten() {
                check_ranges(set.except.iter().chain(&set.cidr))?;
            }
            for fqdn in rule.fqdns.iter().flatten() {
                if fqdn.match_name.is_some() == fqdn.match_pattern.is_some() {
                    return Err("a host name that is not one of name and pattern".to_owned());
                }
            }
            for selector in rule.endpoints.iter().flatten().chain([&self.endpoint_selector]) {
                if let Some(key) = selector.keys().find(|key| key.starts_with("reserved:")) {
                    return Err(format!("the label {key}"));
                }
            }
            for port in rule.to_ports.iter().flatten().flat_map(|ports| &ports.ports) {
                // The agent finds the base by the prefix: "010" is 8.
                if port.port.len() > 1 && port.port.starts_with('0') {
                    return Err("a port with a leading zero".to_owned());
                }
            }
        }
        Ok(())
    }
}
