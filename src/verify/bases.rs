//! That what is proved is what is applied: the lists of a folder reach every policy file, once, and nothing else.
//!
//! In: rendered files, read back. Out: what is wrong with their lists. A policy that no list reaches would be proved and
//! never be applied, and an entry that leads elsewhere would apply what nobody proved.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::normal::{Base, File};
use crate::diag::{Diagnostic, codes, quote};
use crate::source::Span;

/// What is wrong with the lists below `root`. Where there is no list at all, a folder's files are applied as they are.
pub fn strays(root: &Utf8Path, files: &BTreeMap<Utf8PathBuf, &File>) -> Vec<Diagnostic> {
    let mut bases: BTreeMap<&Utf8Path, &Base> = BTreeMap::new();
    let mut policies: BTreeMap<&Utf8Path, Span> = BTreeMap::new();
    for (path, file) in files {
        match (&file.base, path.parent()) {
            (Some(base), Some(folder)) => {
                bases.insert(folder, base);
            }
            _ => {
                policies.extend(file.policies.first().map(|policy| (path.as_path(), policy.span)));
            }
        }
    }
    if bases.is_empty() {
        return vec![];
    }
    let mut errors = vec![];
    let mut reached: BTreeSet<Utf8PathBuf> = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Some(base) = bases.get(folder.as_path()) else { continue };
        for (name, span) in &base.resources {
            let path = folder.join(name);
            let known = bases.contains_key(path.as_path()) || policies.contains_key(path.as_path());
            if !is_entry(name) || !known {
                let message = format!("{} is none of the files that were proved", quote(name));
                errors.push(
                    Diagnostic::error(codes::PROOF, *span, message)
                        .help("list the rendered files beside this one, each once"),
                );
            } else if !reached.insert(path.clone()) {
                errors.push(
                    Diagnostic::error(codes::PROOF, *span, format!("{} is listed twice", quote(name)))
                        .help("list it once"),
                );
            } else {
                folders.push(path);
            }
        }
    }
    let all =
        policies.iter().map(|(path, span)| (*path, *span)).chain(bases.iter().map(|(path, base)| (*path, base.span)));
    for (path, span) in all.filter(|(path, _)| *path != root && !reached.contains(*path)) {
        let shown = path.strip_prefix(root).unwrap_or(path);
        let message = format!("{} would not be applied: no list reaches it", quote(shown.as_str()));
        let help = "list every rendered file in the kustomization of its folder, and every folder in the one above";
        errors.push(Diagnostic::error(codes::PROOF, span, message).help(help));
    }
    errors
}

/// A plain name: no path, no address of another place.
fn is_entry(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', ':', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;
    use crate::verify::normal::Policy;

    /// Findings for lists by folder, over the policy files `baseline/a.yaml` and `allow/a.yaml`.
    fn found(lists: &[(&str, &[&str])]) -> Vec<String> {
        let mut sources = Sources::default();
        let span = Span::new(sources.add("x", String::new()), 0..0);
        let policy = Policy {
            name: "p".to_owned(),
            namespace: "a".into(),
            subject: Default::default(),
            isolates: vec![],
            rules: vec![],
            span,
        };
        let mut files = BTreeMap::new();
        for path in ["k/baseline/a.yaml", "k/allow/a.yaml"] {
            files.insert(Utf8PathBuf::from(path), File { policies: vec![policy.clone()], base: None });
        }
        for (folder, names) in lists {
            let resources = names.iter().map(|name| ((*name).to_owned(), span)).collect();
            let file = File { policies: vec![], base: Some(Base { resources, span }) };
            files.insert(Utf8Path::new("k").join(folder).join("kustomization.yaml"), file);
        }
        let files = files.iter().map(|(path, file)| (path.clone(), file)).collect();
        strays(Utf8Path::new("k"), &files).into_iter().map(|diagnostic| diagnostic.message).collect()
    }

    const LEAVES: [(&str, &[&str]); 2] = [("baseline", &["a.yaml"]), ("allow", &["a.yaml"])];

    #[test]
    fn lists_that_reach_everything_once_are_fine() {
        assert!(found(&[("", &["baseline", "allow"]), LEAVES[0], LEAVES[1]]).is_empty());
    }

    #[test]
    fn a_folder_left_out_is_not_applied() {
        let found = found(&[("", &["allow"]), LEAVES[0], LEAVES[1]]);
        assert!(
            found.iter().any(|message| message == "`baseline/a.yaml` would not be applied: no list reaches it"),
            "{found:?}"
        );
    }

    #[test]
    fn what_was_not_proved_cannot_be_listed() {
        for name in ["https://example.com/x.yaml", "../other", "b.yaml", "baseline/a.yaml", "."] {
            let found = found(&[("", &["baseline", "allow", name]), LEAVES[0], LEAVES[1]]);
            assert_eq!(found, [format!("`{name}` is none of the files that were proved")]);
        }
    }

    #[test]
    fn nothing_is_listed_twice() {
        assert_eq!(found(&[("", &["baseline", "allow", "allow"]), LEAVES[0], LEAVES[1]]), ["`allow` is listed twice"]);
    }
}
