//! What is said of several clusters, said once.

use crate::diag::Diagnostic;
use crate::source::Span;

/// Diagnostics of clusters as one list: what all clusters of the run (`all` of them) share is told once, what only some
/// have with their names.
pub fn merge(all: usize, of_clusters: Vec<(Option<&str>, Vec<Diagnostic>)>) -> Vec<Diagnostic> {
    let mut merged: Vec<(Diagnostic, Vec<&str>)> = vec![];
    let mut places: std::collections::HashMap<(crate::diag::Code, String, Option<Span>), Vec<usize>> =
        Default::default();
    for (cluster, diagnostics) in of_clusters {
        for diagnostic in diagnostics {
            let place = diagnostic.primary.as_ref().map(|label| label.span);
            let alike = places.entry((diagnostic.code, diagnostic.message.clone(), place)).or_default();
            let known = alike.iter().copied().find(|at| merged.get(*at).is_some_and(|(other, _)| *other == diagnostic));
            match known.and_then(|at| merged.get_mut(at)) {
                Some((_, clusters)) => clusters.extend(cluster),
                None => {
                    alike.push(merged.len());
                    merged.push((diagnostic, cluster.into_iter().collect()));
                }
            }
        }
    }
    let told = |(diagnostic, mut clusters): (Diagnostic, Vec<&str>)| {
        clusters.sort_unstable();
        clusters.dedup();
        match clusters.len() {
            0 => diagnostic,
            some if some == all && all > 1 => diagnostic,
            _ => diagnostic.note(format!("in the cluster {}", clusters.join(", "))),
        }
    };
    merged.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes;

    fn said(all: usize, of_clusters: &[(Option<&'static str>, &[&str])]) -> Vec<String> {
        let diagnostics = |words: &[&str]| words.iter().map(|word| Diagnostic::placeless(codes::PATH, *word)).collect();
        let merged = merge(all, of_clusters.iter().map(|(name, words)| (*name, diagnostics(words))).collect());
        merged.iter().map(|d| format!("{} {}", d.message, d.notes.join(";")).trim().to_owned()).collect()
    }

    #[test]
    fn what_all_clusters_share_is_told_once() {
        assert_eq!(said(2, &[(Some("a"), &["x", "y"]), (Some("b"), &["x"])]), ["x", "y in the cluster a"]);
    }

    #[test]
    fn what_only_some_clusters_have_names_them_though_no_other_said_anything() {
        assert_eq!(said(3, &[(Some("b"), &["x"]), (Some("a"), &["x"])]), ["x in the cluster a, b"]);
    }

    #[test]
    fn without_names_nothing_is_added() {
        assert_eq!(said(1, &[(None, &["x", "x"])]), ["x"]);
    }
}
