//! Guards from the text of the files to the model.

use super::*;
use crate::diag::Diagnostics;
use crate::intent::{self, Parsed};
use crate::model::{Approximation, Input, build};
use crate::source::Sources;

const INTENT: &str = "app = \"shop\"\n[tiers]\nweb = { namespace = \"shop\", pods = { app = \"web\" } }\n";

/// The model of a project, for a named cluster if there are some; else the messages.
fn model(project: &str, intent: &str, cluster: Option<&str>) -> Result<Model, Vec<String>> {
    let mut sources = Sources::default();
    let mut diags = Diagnostics::default();
    let file = sources.add("netpolc.toml", project.to_owned());
    let project: Parsed<intent::ProjectFile> = intent::parse(&sources, file, &mut diags);
    let file = sources.add("intents/shop.toml", intent.to_owned());
    let intents = [intent::parse(&sources, file, &mut diags)];
    let input = Input {
        sources: &sources,
        intents: &intents,
        project: project.table.as_ref(),
        cluster,
        rules: &[],
        dialects: &["kubernetes"],
    };
    build(input, &mut diags).ok_or_else(|| diags.iter().map(|d| d.message.clone()).collect())
}

fn names(set: &BTreeSet<Sym>) -> Vec<&str> {
    set.iter().map(|name| &**name).collect()
}

#[test]
fn nothing_is_guarded_staged_or_logged_unless_somebody_says_so() {
    let model = model("", INTENT, None).unwrap();
    assert_eq!(model.guards(), []);
    assert!(!model.profile.staged && !model.profile.log_denied);
    assert_eq!(&*model.profile.tier, "default");
    let system = names(&model.profile.system_namespaces);
    for expected in ["kube-system", "calico-system", "tigera-operator", "cilium-secrets"] {
        assert!(system.contains(&expected), "{system:?}");
    }
}

#[test]
fn guards_leave_system_namespaces_alone_and_a_default_deny_the_listed_ones_too() {
    let text = "[cluster]\nsystem-namespaces = [\"kube-system\", \"mesh\"]\nstaged = true\nlog-denied = true\ntier = \"platform\"\n\
                [cluster.guards]\nmetadata-deny = true\ndefault-deny = { except = [\"legacy\"] }\n";
    let model = model(text, INTENT, None).unwrap();
    let [metadata, default] = model.guards().try_into().unwrap();
    assert_eq!((metadata.name(), names(metadata.except())), ("metadata-deny", vec!["kube-system", "mesh"]));
    assert_eq!((default.name(), names(default.except())), ("default-deny", vec!["kube-system", "legacy", "mesh"]));
    assert!(model.profile.staged && model.profile.log_denied);
    assert_eq!(&*model.profile.tier, "platform");
}

#[test]
fn false_turns_a_guard_off() {
    let text = "[cluster.guards]\nmetadata-deny = false\ndefault-deny = false\n";
    assert_eq!(model(text, INTENT, None).unwrap().guards(), []);
}

#[test]
fn a_named_cluster_that_sets_one_guard_keeps_the_others() {
    let text = "[cluster.guards]\nmetadata-deny = true\n[clusters.prod.guards]\ndefault-deny = true\n\
                [clusters.lab.guards]\nmetadata-deny = false\n[clusters.test]\nstaged = true\n";
    let guards = |cluster| model(text, INTENT, Some(cluster)).unwrap().guards();
    let of = |cluster| guards(cluster).iter().map(Guard::name).collect::<Vec<_>>();
    assert_eq!(of("prod"), ["metadata-deny", "default-deny"]);
    assert_eq!(of("lab"), Vec::<&str>::new());
    assert_eq!(of("test"), ["metadata-deny"]);
    let lists = "[cluster.guards]\ndefault-deny = { except = [\"a\"] }\n[clusters.lab.guards]\ndefault-deny = false\n\
                 [clusters.prod.guards]\ndefault-deny = { except = [\"b\"] }\n[clusters.test]\nstaged = true\n";
    let listed = |cluster| model(lists, INTENT, Some(cluster)).unwrap().profile.default_deny;
    assert_eq!(listed("lab"), None);
    assert_eq!(listed("prod"), Some(["b".into()].into()));
    assert_eq!(listed("test"), Some(["a".into()].into()));
}

#[test]
fn every_way_to_a_metadata_address_is_refused_but_from_system_namespaces() {
    let guard = "[cluster]\nnode-cidrs = [\"169.254.170.0/24\"]\napi-server-cidrs = [\"100.100.100.200/32\"]\n\
                 [cluster.guards]\nmetadata-deny = true\n";
    let edge = |to: &str| {
        format!(
            "{INTENT}[external]\nazure = {{ cidrs = [\"168.63.129.16/32\"], metadata = true }}\n\
             beside = {{ cidrs = [\"168.63.129.0/24\"], except = [\"168.63.129.16/32\"] }}\n\
             [[allow]]\nfrom = \"web\"\nto = \"{to}\"\nports = [80]\n"
        )
    };
    for to in ["azure", "nodes", "kube-apiserver"] {
        let errors = model(guard, &edge(to), None).unwrap_err();
        assert!(errors.iter().all(|error| error.starts_with(&format!("`web -> {to}` leads to 1"))), "{errors:?}");
        assert_eq!(errors.len(), 1);
    }
    for to in ["beside", "anywhere", "internet", "cluster"] {
        assert!(model(guard, &edge(to), None).is_ok(), "{to}");
    }
    let spared = guard.replacen("[cluster]\n", "[cluster]\nsystem-namespaces = [\"shop\"]\n", 1);
    assert!(model(&spared, &edge("azure"), None).is_ok());
    let elsewhere = edge("azure").replace("\"shop\", pods", "[\"shop\", \"other\"], pods");
    assert_eq!(model(&spared, &elsewhere, None).unwrap_err().len(), 1, "one namespace of two is guarded");
    let elsewhere = edge("azure").replace("\"shop\", pods", "[\"shop\", \"zoo\"], pods");
    assert_eq!(model(&spared, &elsewhere, None).unwrap_err().len(), 1, "whichever of the two comes first");
}

#[test]
fn a_default_deny_never_cuts_dns_off() {
    let deny = |cluster: &str, deny: &str| {
        model(&format!("[cluster]\n{cluster}\n[cluster.guards]\ndefault-deny = {deny}\n"), INTENT, None)
    };
    assert!(deny("", "true").is_ok());
    assert!(deny("dns = \"node-local\"", "true").is_ok());
    assert!(deny("dns = { cidrs = [\"192.0.2.53/32\"] }", "true").is_ok());
    assert!(deny("dns = \"openshift\"", "{ except = [\"openshift-dns\"] }").is_ok());
    assert!(deny("dns = \"openshift\"\nsystem-namespaces = [\"openshift-dns\"]", "true").is_ok());
    for (cluster, text) in
        [("dns = \"openshift\"", "true"), ("system-namespaces = [\"mesh\"]", "{ except = [\"legacy\"] }")]
    {
        let errors = deny(cluster, text).unwrap_err();
        assert!(errors.iter().all(|error| error.contains("would cut the cluster's DNS")), "{errors:?}");
        assert_eq!(errors.len(), 1);
    }
}

#[test]
fn node_local_dns_has_pods_for_who_redirects_to_them() {
    let model = model("[cluster]\ndns = \"node-local\"\n", INTENT, None).unwrap();
    let caches: Vec<String> = model
        .profile
        .dns
        .peers
        .iter()
        .filter_map(|peer| match peer {
            DnsPeer::Cache(pods) => Some(format!("{}/{}", pods.namespaces.names().join(" "), pods.labels)),
            DnsPeer::Pods(_) | DnsPeer::Address(_) => None,
        })
        .collect();
    assert_eq!(caches, ["kube-system/k8s-app=node-local-dns"]);
}

#[test]
fn leaving_guards_out_can_be_permitted_and_is_wider() {
    let model = model("[approximate]\nkubernetes = [\"guards-omitted\"]\n", INTENT, None).unwrap();
    assert!(model.profile.approximate.contains(&("kubernetes".into(), Approximation::GuardsOmitted)));
    assert_eq!(Approximation::GuardsOmitted.direction(), "wider");
}
