//! What a naive generator gets wrong: one test each, on everything that is written.

use super::*;
use crate::model::Guard;

/// Every policy, set and tier of a project that uses all there is, as YAML.
fn objects() -> Vec<serde_yaml::Value> {
    let (mut model, set) = with_external("pay", &["203.0.113.0/24", "2001:db8::/32"], &["203.0.113.64/26"]);
    model.profile.log_denied = true;
    let peers = vec![
        PeerSet::AllPods,
        PeerSet::Everywhere,
        PeerSet::Internet,
        PeerSet::Nodes,
        PeerSet::External(ExternalId(0)),
        PeerSet::Pods(pods(&["a"], &[("app", "x")])),
    ];
    let ports = [tcp(80, 80), PortRange::all(Protocol::Udp)];
    let allows = vec![
        policy("anyone", Direction::Ingress, vec![PeerSet::Anyone], &ports),
        policy("dns", Direction::Egress, vec![PeerSet::Dns(0), PeerSet::Dns(1)], &ports),
        policy("many", Direction::Egress, peers, &ports),
    ];
    let except: BTreeSet<Sym> = [sym("kube-system")].into();
    let guards = vec![Guard::MetadataDeny { except: except.clone() }, Guard::DefaultDeny { except }];
    let files =
        render(&model, &Policies { shared: Shared { externals: vec![set], guards }, ..policies("backend", allows) });
    let texts = files.iter().filter(|(path, _)| !path.ends_with("kustomization.yaml"));
    texts.flat_map(|(_, text)| text.split("---\n")).map(|document| serde_yaml::from_str(document).unwrap()).collect()
}

fn of_kind(kind: &str) -> Vec<serde_yaml::Value> {
    let found: Vec<_> = objects().into_iter().filter(|object| object["kind"] == kind).collect();
    assert!(!found.is_empty());
    found
}

/// Rules with their policy's spec.
fn rules() -> Vec<serde_yaml::Value> {
    let policies = of_kind("GlobalNetworkPolicy");
    let sides = policies.iter().flat_map(|policy| ["ingress", "egress"].map(|side| policy["spec"][side].clone()));
    sides.filter_map(|side| side.as_sequence().cloned()).flatten().collect()
}

fn entities() -> Vec<serde_yaml::Value> {
    let of = |rule: serde_yaml::Value| ["source", "destination"].map(|side| rule[side].clone());
    rules().into_iter().flat_map(of).filter(|entity| !entity.is_null()).collect()
}

fn has(value: &serde_yaml::Value, key: &str) -> bool {
    !value[key].is_null()
}

#[test]
fn the_validated_version_is_used_and_never_the_internal_one() {
    assert!(objects().iter().all(|object| object["apiVersion"] == "projectcalico.org/v3"));
}

#[test]
fn every_policy_has_a_deliberate_order_and_only_guards_deny() {
    let mut orders = BTreeMap::new();
    for policy in of_kind("GlobalNetworkPolicy") {
        let name = policy["metadata"]["name"].as_str().unwrap().to_owned();
        orders.insert(name, policy["spec"]["order"].as_u64().unwrap());
        let denies = serde_yaml::to_string(&policy).unwrap().contains("action: Deny");
        assert_eq!(denies, policy["spec"]["tier"] != "default");
    }
    assert_eq!(orders["backend--dns"], 400);
    assert_eq!(orders["backend--many"], 500);
    assert_eq!(orders["backend--netpolc--default-deny"], 2000);
}

#[test]
fn no_policy_selects_host_endpoints() {
    for policy in of_kind("GlobalNetworkPolicy") {
        let selector = policy["spec"]["namespaceSelector"].as_str().unwrap();
        let named = selector == "projectcalico.org/name == 'backend'";
        assert!(named || selector.starts_with("has(projectcalico.org/name)"), "{selector}");
    }
}

#[test]
fn types_and_tier_are_always_written() {
    for policy in of_kind("GlobalNetworkPolicy") {
        assert!(policy["spec"]["types"].as_sequence().is_some_and(|types| !types.is_empty()));
        assert!(policy["spec"]["tier"].is_string());
    }
}

#[test]
fn ports_stand_beside_a_protocol_that_has_them() {
    for rule in rules() {
        let ports = has(&rule["destination"], "ports") || has(&rule["source"], "ports");
        let protocol = rule["protocol"].as_str();
        assert!(!ports || matches!(protocol, Some("TCP" | "UDP" | "SCTP")), "{rule:?}");
        assert!(rule["action"] != "Allow" || protocol.is_some(), "{rule:?}");
    }
}

#[test]
fn no_rule_and_no_set_mixes_address_families() {
    let families = |value: &serde_yaml::Value| -> BTreeSet<bool> {
        let nets = ["nets", "notNets"].map(|key| value[key].as_sequence().cloned().unwrap_or_default());
        nets.into_iter().flatten().map(|net| net.as_str().unwrap().contains(':')).collect()
    };
    assert!(entities().iter().any(|entity| families(entity) == [true].into()));
    assert!(entities().iter().all(|entity| families(entity).len() < 2));
    assert!(of_kind("GlobalNetworkSet").iter().all(|set| families(&set["spec"]).len() == 1));
}

#[test]
fn every_selector_of_a_peer_says_in_which_namespaces() {
    for entity in entities().iter().filter(|entity| has(entity, "selector")) {
        assert!(has(entity, "namespaceSelector"), "{entity:?}");
    }
}

#[test]
fn sets_are_reached_by_global_alone_so_that_no_pod_can_pose_as_a_member() {
    let asks = |entity: &serde_yaml::Value| {
        entity["selector"].as_str().is_some_and(|selector| selector.contains("netpolc.dev/external"))
    };
    let found: Vec<_> = entities().into_iter().filter(asks).collect();
    assert!(!found.is_empty());
    assert!(found.iter().all(|entity| entity["namespaceSelector"] == "global()"));
}

#[test]
fn peers_are_never_selected_by_what_they_are_not() {
    for entity in entities() {
        assert!(!has(&entity, "notSelector") && !has(&entity, "notPorts"));
        for key in ["selector", "namespaceSelector"] {
            let selector = entity[key].as_str().unwrap_or_default();
            assert!(!selector.contains('!') && !selector.contains("not in"), "{selector}");
        }
    }
}

#[test]
fn what_is_left_out_is_never_everything_and_always_beside_what_is_meant() {
    let left_out: Vec<_> = entities().into_iter().filter(|entity| has(entity, "notNets")).collect();
    assert!(!left_out.is_empty());
    for entity in left_out {
        assert!(has(&entity, "nets"));
        let nets = entity["notNets"].as_sequence().unwrap();
        assert!(nets.iter().all(|net| !net.as_str().unwrap().ends_with("/0")), "{nets:?}");
    }
}

#[test]
fn an_external_leaves_out_what_the_intent_leaves_out() {
    let sets = of_kind("GlobalNetworkSet");
    let nets: Vec<&str> =
        sets[0]["spec"]["nets"].as_sequence().unwrap().iter().map(|net| net.as_str().unwrap()).collect();
    assert_eq!(nets, ["203.0.113.0/26", "203.0.113.128/25"]);
}

#[test]
fn no_rule_passes_and_no_host_name_is_written() {
    for rule in rules() {
        assert!(matches!(rule["action"].as_str(), Some("Allow" | "Deny" | "Log")));
        assert!(!has(&rule, "http") && !has(&rule["destination"], "domains"));
    }
    for tier in of_kind("Tier") {
        assert_eq!(tier["spec"]["defaultAction"], "Pass");
    }
}

#[test]
fn names_hold_at_most_one_dot_which_ends_the_tier() {
    for policy in of_kind("GlobalNetworkPolicy") {
        let (name, tier) = (policy["metadata"]["name"].as_str().unwrap(), policy["spec"]["tier"].as_str().unwrap());
        match tier {
            "default" => assert!(!name.contains('.'), "{name}"),
            tier => assert!(name.strip_prefix(&format!("{tier}.")).is_some_and(|rest| !rest.contains('.')), "{name}"),
        }
    }
}

#[test]
fn nothing_is_in_a_namespace_and_everything_says_who_made_it() {
    for object in objects() {
        assert!(!has(&object["metadata"], "namespace"));
        assert_eq!(object["metadata"]["labels"]["app.kubernetes.io/managed-by"], "netpolc");
    }
}
