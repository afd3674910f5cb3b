//! That what is proved is what is applied: the lists of a folder reach every policy file, once, and nothing else.
//!
//! In: rendered files, read back. Out: what is wrong with their lists. A policy that no list reaches would be proved and
//! never be applied, and an entry that leads elsewhere would apply what nobody proved.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::normal::{Base, File};
use crate::diag::{Diagnostic, codes, quote};

/// The most names that one message lists.
const LISTED: usize = 5;

/// What is wrong with the lists below `root`. Where there is no list at all, a folder's files are applied as they are.
pub fn strays(root: &Utf8Path, files: &BTreeMap<Utf8PathBuf, &File>) -> Vec<Diagnostic> {
    let mut lists: BTreeMap<&Utf8Path, &Base> = BTreeMap::new();
    let mut folders: BTreeMap<&Utf8Path, BTreeSet<&str>> = BTreeMap::new();
    for (path, file) in files {
        let Some(folder) = path.parent() else { continue };
        match &file.base {
            Some(base) => {
                lists.insert(folder, base);
                folders.entry(folder).or_default();
            }
            None => {
                folders.entry(folder).or_default().extend(path.file_name());
            }
        }
        // A folder is an entry of the one that holds it.
        for inner in folder.ancestors().take_while(|inner| *inner != root) {
            if let Some(outer) = inner.parent() {
                folders.entry(outer).or_default().extend(inner.file_name());
            }
        }
    }
    if lists.is_empty() {
        return vec![];
    }
    let mut errors = vec![];
    for (folder, names) in &folders {
        match lists.get(folder) {
            Some(list) => compare(list, names, &mut errors),
            None => {
                let shown = folder.strip_prefix(root).unwrap_or(folder);
                let error =
                    Diagnostic::placeless(codes::PROOF, format!("folder {} has no list", quote(shown.as_str())));
                errors.push(error.help("every folder lists what it holds, so that all of it is applied"));
            }
        }
    }
    errors
}

fn compare(list: &Base, names: &BTreeSet<&str>, errors: &mut Vec<Diagnostic>) {
    const HELP: &str = "list what the template is given, each once";
    let mut missing = names.clone();
    for (name, span) in &list.resources {
        let message = match (missing.remove(name.as_str()), names.contains(name.as_str())) {
            (true, _) => continue,
            (false, true) => format!("{} is listed twice", quote(name)),
            (false, false) => format!("{} is no part of what was proved", quote(name)),
        };
        errors.push(Diagnostic::error(codes::PROOF, *span, message).help(HELP));
    }
    if !missing.is_empty() {
        let shown: Vec<String> = missing.iter().take(LISTED).map(|name| quote(name)).collect();
        let more = missing.len().saturating_sub(LISTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!("would not be applied, as nothing lists them: {}{more}", shown.join(", "));
        errors.push(Diagnostic::error(codes::PROOF, list.span, message).help(HELP));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Sources, Span};
    use crate::verify::sum::{Policy, Scope};
    use crate::verify::tests::ranked;

    /// Findings for lists by folder, over the policy files `baseline/a.yaml` and `allow/a.yaml`.
    fn found(lists: &[(&str, &[&str])]) -> Vec<String> {
        let mut sources = Sources::default();
        let span = Span::new(sources.add("x", String::new()), 0..0);
        let policy = Policy {
            name: "p".to_owned(),
            scope: Scope::Namespace("a".into()),
            cluster_scoped: false,
            subject: Default::default(),
            isolates: vec![],
            rules: vec![],
            denies: vec![],
            staged: false,
            span,
        };
        let mut files = BTreeMap::new();
        for path in ["k/baseline/a.yaml", "k/allow/a.yaml"] {
            files.insert(Utf8PathBuf::from(path), File { policies: ranked(policy.clone()), base: None, shared: false });
        }
        for (folder, names) in lists {
            let resources = names.iter().map(|name| ((*name).to_owned(), span)).collect();
            let file = File { policies: vec![], base: Some(Base { resources, span }), shared: false };
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
        assert_eq!(found, ["would not be applied, as nothing lists them: `baseline`"]);
    }

    #[test]
    fn a_folder_without_a_list_is_not_applied() {
        assert_eq!(found(&[("", &["baseline", "allow"]), LEAVES[0]]), ["folder `allow` has no list"]);
        assert_eq!(found(&[LEAVES[0], LEAVES[1]]), ["folder `` has no list"]);
    }

    #[test]
    fn what_was_not_proved_cannot_be_listed() {
        for name in ["https://example.com/x.yaml", "../other", "b.yaml", "baseline/a.yaml", "."] {
            let found = found(&[("", &["baseline", "allow", name]), LEAVES[0], LEAVES[1]]);
            assert_eq!(found, [format!("`{name}` is no part of what was proved")]);
        }
    }

    #[test]
    fn nothing_is_listed_twice() {
        assert_eq!(found(&[("", &["baseline", "allow", "allow"]), LEAVES[0], LEAVES[1]]), ["`allow` is listed twice"]);
    }
}
