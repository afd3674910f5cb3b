//! What holds of every manifest.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Values of labels, and what is none. Words that only YAML 1.1 takes for something else are not quoted by every writer.
fn word() -> impl Strategy<Value = String> {
    let words = ["web", "true", "1", "0x1f", "-x", "", "a.b_c-D", "null"];
    prop::sample::select(words.map(str::to_owned).to_vec())
}

fn pod() -> impl Strategy<Value = Value> {
    let labels = prop::collection::btree_map("k[a-z]{0,2}", word(), 0..3);
    let note =
        prop::sample::select(vec!["", "}\"'] {", "a: b # c\n- d\n\n---x\n", "'", "line\n  - other\n", "é 🎉", "\\"]);
    (labels, note, 1_u16.., any::<bool>()).prop_map(|(labels, note, port, is_pod)| {
        let labels = json!({"labels": labels, "annotations": {"note": note}});
        let spec =
            json!({"containers": [{"command": ["sh", note], "ports": [{"name": "http", "containerPort": port}]}]});
        match is_pod {
            true => json!({"apiVersion": "v1", "kind": "Pod", "metadata": labels, "spec": spec}),
            false => {
                let template = json!({"metadata": labels, "spec": spec});
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": template}})
            }
        }
    })
}

fn objects() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(pod(), 0..6).prop_map(|mut objects| {
        for (index, object) in objects.iter_mut().enumerate() {
            object["metadata"]["name"] = json!(format!("n{index}"));
        }
        objects
    })
}

/// All that is known of the pods; or the messages, without their places.
fn outcome(text: &str) -> Result<Vec<String>, Vec<String>> {
    let told = try_read(&[("cluster.yaml", text)]);
    told.map(|told| pods(&told.cluster)).map_err(|errors| errors.into_iter().map(|(_, message)| message).collect())
}

proptest! {
    /// A stream, a list, on one line or many, in YAML or JSON: one cluster.
    #[test]
    fn the_form_of_a_manifest_changes_nothing(objects in objects()) {
        let stream: String = objects.iter().map(|object| format!("---\n{object}\n")).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        let expected = outcome(&stream);
        prop_assert_eq!(&expected.as_ref().map_or(objects.len(), Vec::len), &objects.len());
        prop_assert_eq!(&outcome(&list.to_string()), &expected);
        prop_assert_eq!(&outcome(&serde_json::to_string_pretty(&list).unwrap()), &expected);
        prop_assert_eq!(&outcome(&serde_yaml::to_string(&list).unwrap()), &expected);
        let stream: String =
            objects.iter().map(|object| format!("---\n{}", serde_yaml::to_string(object).unwrap())).collect();
        prop_assert_eq!(&outcome(&stream), &expected);
    }

    /// Whatever becomes of a text, it is read or refused.
    #[test]
    fn no_text_is_a_panic(at in any::<prop::sample::Index>(), cut in 0_usize..40, with in "[-:{}\\[\\]\"'#&*!|>%@a \n\t,]{0,6}", list in any::<bool>()) {
        let text = if list { lists::DUMP } else { POD };
        let start = at.index(text.len());
        let end = (start + cut).min(text.len());
        let broken = [&text[..start], &with, &text[end..]].concat();
        if let Err(errors) = outcome(&broken) {
            prop_assert!(!errors.is_empty());
        }
    }

    /// Whatever becomes of a text: what is good for an inventory is good for policies, and holds the same pods.
    #[test]
    fn an_inventory_refuses_more_and_sees_the_same_pods(which in 0_usize..4, at in any::<prop::sample::Index>(), cut in 0_usize..30, with in "[-:{}\\[\\]\"'#&*!|>%@a0 \n,$()]{0,5}") {
        let text = [whole::TALKATIVE, whole::SERVICES, whole::ROUTES, dumps::DUMP][which];
        let start = at.index(text.len());
        let end = (start + cut).min(text.len());
        let broken = [&text[..start], &with, &text[end..]].concat();
        match whole::try_whole(&broken) {
            Ok((_, cluster, _)) => {
                let told = try_read(&[("inventory.yaml", &broken)]);
                prop_assert_eq!(Ok(pods(&cluster)), told.map(|told| pods(&told.cluster)));
            }
            Err(errors) => prop_assert!(!errors.is_empty()),
        }
    }
}
