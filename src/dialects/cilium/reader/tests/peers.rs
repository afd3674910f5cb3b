//! Host names and address ranges as peers.

use super::given::{given, wrong};
use super::*;

#[test]
fn host_names_have_one_form() {
    let names = |list: &str| -> Vec<Peer> {
        given(&format!("egress:\n- toFQDNs: [{list}]"))
            .remove(0)
            .rules
            .into_iter()
            .flat_map(|rule| rule.peers)
            .collect()
    };
    for (written, name) in [
        ("matchName: API.b.c.", "api.b.c"),
        ("matchPattern: \"*\"", "*"),
        ("matchPattern: \"**.b.C\"", "**.b.c"),
        ("matchPattern: a**.b.c", "a*.b.c"),
        ("matchPattern: b.c", "b.c"),
        ("matchPattern: \"*.*.c\"", "*.*.c"),
    ] {
        assert_eq!(names(&format!("{{{written}}}")), [Peer::Name(name.into())]);
    }
    for bad in ["matchName: \"*.b.c\"", "matchName: a..b", "matchName: \"\"", "matchPattern: \"a?.b\"", "matchName: .a"]
    {
        assert!(wrong(&format!("egress:\n- toFQDNs: [{{{bad}}}]")).contains("is no "), "{bad}");
    }
    for both in ["{}", "{matchName: a.b, matchPattern: a.b}"] {
        assert!(wrong(&format!("egress:\n- toFQDNs: [{both}]")).contains("either `matchName` or `matchPattern`"));
    }
}

#[test]
fn ranges_lose_their_host_bits_and_may_lose_everything() {
    let peers = |set: &str| -> Vec<Peer> {
        given(&format!("egress:\n- toCIDRSet: [{set}]"))
            .remove(0)
            .rules
            .into_iter()
            .flat_map(|rule| rule.peers)
            .collect()
    };
    assert_eq!(peers("{cidr: 203.0.113.7/24}"), [block("203.0.113.0/24", &[])]);
    assert_eq!(
        peers("{cidr: 203.0.113.0/24, except: [203.0.113.9/26]}"),
        [block("203.0.113.0/24", &["203.0.113.0/26"])]
    );
    assert_eq!(peers("{cidr: 203.0.113.0/24, except: [203.0.113.0/24]}"), []);
    assert_eq!(peers("{cidr: 203.0.113.0/24, except: [203.0.113.0/16]}"), []);
    for bad in [
        "{cidr: 203.0.113.0}",
        "{cidr: 203.0.113.0/24, except: [10.0.0.0/32]}",
        "{}",
        "{cidr: 203.0.113.0/24, cidrGroupRef: g}",
        "{cidrGroupRef: G}",
    ] {
        wrong(&format!("egress:\n- toCIDRSet: [{bad}]"));
    }
}
