//! What does not fit is split, without a change of meaning.

use super::*;
use crate::dialects::writing::size::MAX_OBJECT;
use crate::model::{PortRange, Protocol};

fn sizes(text: &str) -> Vec<usize> {
    text.split("\n---\n").map(str::len).collect()
}

#[test]
fn forty_one_ports_are_two_entries() {
    let ports = |count: usize| (0..count).map(|n| format!("{}/TCP", 1000 + 2 * n)).collect::<Vec<_>>().join(" ");
    for (count, entries) in [(40, 1), (41, 2), (81, 3)] {
        let files = proved(&shop().edge("web -> api", &ports(count)).model());
        let text = rules(&files, "allow/front.yaml", "shop--web--egress-to--api");
        assert_eq!(text.matches("        - ports:\n").count(), entries, "{count}");
        assert_eq!(text.matches("- port: ").count(), count);
    }
}

#[test]
fn a_hub_is_split_into_numbered_objects_that_say_the_same() {
    let draft = shop().edges("web -> api").with(|model| {
        // Fewer than a kind of peers that need as many names.
        let many: Vec<Sym> = (0..3_000).map(|n| Sym::from(format!("team-with-a-long-name-{n}"))).collect();
        model.tiers[0].pods.namespaces = NamespaceSet::Names(many.clone());
        model.namespaces.extend(many.into_iter().map(|name| (name, vec![model.tiers[0].app])));
    });
    let files = proved(&draft.model());
    let text = &files["allow/back.yaml"];
    assert!(
        text.contains("  name: shop--api--ingress-from--web\n")
            && text.contains("  name: shop--api--ingress-from--web.2\n")
    );
    assert!(sizes(text).iter().all(|size| *size <= MAX_OBJECT), "{:?}", sizes(text));
}

#[test]
fn many_ports_are_split_between_objects_too() {
    let draft = shop().edges("web -> api").with(|model| {
        let ports = (1..=20_000).filter_map(|n| PortRange::new(Protocol::Tcp, n * 3, n * 3));
        model.edges[0].ports = ports.collect::<Vec<_>>().into();
    });
    let files = proved(&draft.model());
    let sizes = sizes(&files["allow/back.yaml"]);
    assert!(sizes.len() > 5 && sizes.iter().all(|size| *size <= MAX_OBJECT), "{sizes:?}");
}

#[test]
fn a_large_external_is_several_groups_and_several_references() {
    let ranges: Vec<String> = (0..4_500).map(|n| format!("198.{}.{}.0/25", 20 + n / 256, n % 256)).collect();
    let files = proved(&shop().external("cdn", &ranges.join(" "), "").edge("api -> cdn", "443/TCP").model());
    let text = &files["allow/externals/shop--cdn.yaml"];
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  name: ")).collect();
    assert_eq!(names, ["shop--cdn", "shop--cdn.2", "shop--cdn.3"]);
    assert!(sizes(text).iter().all(|size| *size <= MAX_OBJECT), "{:?}", sizes(text));
    let text = rules(&files, "allow/back.yaml", "shop--api--egress-to--cdn");
    assert_eq!(text.matches("cidrGroupRef: shop--cdn").count(), 3);
}

/// The name of a group becomes the name of a label.
#[test]
fn groups_of_externals_with_long_names_have_short_ones() {
    let name = "e".repeat(63);
    let files = proved(&shop().external(&name, "203.0.113.0/24", "").edges(&format!("api -> {name}")).model());
    let text = files.iter().find(|(path, _)| path.contains("externals/shop--e")).unwrap().1;
    let name = text.lines().find_map(|line| line.strip_prefix("  name: ")).unwrap();
    assert!(name.len() <= 63 && name.starts_with("shop--eee"), "{name}");
}

#[test]
fn what_cannot_be_split_is_an_error_at_its_line() {
    let draft = shop().edges("web -> api").with(|model| {
        model.edges[0].http = (0..5_000).map(|n| get(&format!("/{n}"))).collect();
    });
    let model = draft.model();
    let errors = Cilium.documents(&model, &lower(&model)).unwrap_err();
    assert!(errors[0].message.contains("HTTP rules") && errors[0].primary.is_some(), "{errors:?}");
}
