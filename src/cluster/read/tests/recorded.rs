//! Manifests of others: read when their folder is given.

use std::fs;

use super::*;

fn data(below: &str) -> Option<std::path::PathBuf> {
    std::env::var_os("NETPOLC_TEST_DATA").map(|folder| std::path::Path::new(&folder).join(below))
}

/// Every endpoint of a recorded case that is a pod is one of its cluster, with an address.
#[test]
fn recorded_clusters_hold_the_pods_that_are_asked_about() {
    let Some(folder) = data("verdicts") else { return };
    let mut count = 0;
    for dialect in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for case in fs::read_dir(dialect).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
            let Ok(text) = fs::read_to_string(case.join("cluster.yaml")) else { continue };
            let told = told(&text);
            let policies = super::told(&fs::read_to_string(case.join("policies.yaml")).unwrap());
            assert!(!policies.policies.is_empty() && policies.others.is_empty(), "{}", case.display());
            let expected = fs::read_dir(&case).unwrap().map(|entry| entry.unwrap().path());
            let expected = expected.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("expected"));
            for file in expected {
                let said: serde_json::Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
                for name in said["endpoints"].as_array().unwrap() {
                    let name = name.as_str().unwrap();
                    if name.contains(':') {
                        assert_eq!(name.parse::<crate::cluster::Endpoint>().unwrap().to_string(), name);
                        continue;
                    }
                    let pod = told.cluster.pods.iter().find(|pod| pod.path() == name);
                    assert!(!pod.unwrap_or_else(|| panic!("{}: {name}", case.display())).addresses.is_empty());
                    count += 1;
                }
                for probe in said["probes"].as_array().unwrap() {
                    let probe = probe.as_str().unwrap();
                    assert_eq!(probe.parse::<crate::cluster::Probe>().unwrap().to_string(), probe);
                }
            }
            assert!(told.cluster.namespaces.values().all(|namespace| namespace.declared));
        }
    }
    assert!(count > 1000, "{count}");
}

#[test]
fn the_boutique_is_twelve_workloads() {
    let Some(file) = data("online-boutique/workloads.yaml") else { return };
    let told = told(&fs::read_to_string(file).unwrap());
    assert_eq!(told.cluster.pods.len(), 12);
    assert_eq!(told.others, BTreeMap::from([("Service".to_owned(), 12)]));
    let cart = told.cluster.pods.iter().find(|pod| &*pod.name == "cartservice").unwrap();
    assert_eq!((cart.path().as_str(), cart.origin), ("default/cartservice", "Deployment"));
    assert_eq!(cart.service_account, "cartservice".into());
}

/// Every variable that names a Service and its port, as people read them in the file.
#[test]
#[expect(clippy::print_stderr, reason = "who runs the tests shall know that this one did nothing")]
fn the_boutique_says_whom_it_calls() {
    let Some(file) = data("online-boutique/workloads.yaml") else {
        eprintln!("skipped: NETPOLC_TEST_DATA does not name the folder of the manifests");
        return;
    };
    let (sources, cluster) = whole::whole(&fs::read_to_string(file).unwrap());
    assert_eq!((cluster.pods.len(), cluster.services.len()), (12, 12));
    let index = crate::cluster::Index::new(&cluster);
    let mut calls = vec![];
    for pod in &cluster.pods {
        for callee in index.callees(pod) {
            assert!(sources.text(callee.mention.span).contains(&*callee.mention.text));
            for behind in index.pods_of(callee.service) {
                let port = callee.pod_port(behind).unwrap();
                assert!(behind.declared.iter().any(|declared| declared.number == port), "{} {port}", behind.name);
                calls.push(format!("{} {} {port}", pod.name, behind.name));
            }
        }
    }
    calls.sort();
    let expected = [
        "cartservice redis-cart 6379",
        "checkoutservice cartservice 7070",
        "checkoutservice currencyservice 7000",
        "checkoutservice emailservice 8080",
        "checkoutservice paymentservice 50051",
        "checkoutservice productcatalogservice 3550",
        "checkoutservice shippingservice 50051",
        "frontend adservice 9555",
        "frontend cartservice 7070",
        "frontend checkoutservice 5050",
        "frontend currencyservice 7000",
        "frontend productcatalogservice 3550",
        "frontend recommendationservice 8080",
        "frontend shippingservice 50051",
        "loadgenerator frontend 8080",
        "recommendationservice productcatalogservice 3550",
    ];
    assert_eq!(calls, expected);
    assert!(cluster.pods.iter().all(|pod| !pod.placed));
}
