//! The lock file, and scopes.

use super::*;
use crate::output::lock::{Hashes, Lock, to_text};

#[test]
fn first_build_creates_files_and_lock() {
    let project = Project::new();
    assert!(project.inspect().is_fresh());
    assert!(!project.out().exists());
    let applied = project.build(&both()).unwrap();
    assert_eq!(applied, Applied { created: 2, updated: 0, deleted: 0, lock_written: true });
    assert_eq!(project.text(A), **both().get(Utf8Path::new(A)).unwrap());
    let lock = project.text(LOCK_FILE);
    let lines: Vec<_> = lock.lines().collect();
    assert!(lines[0].starts_with("# "));
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1], format!("{}  {A}", blake3::hash(project.text(A).as_bytes()).to_hex()));
    assert!(lines[2].ends_with(B));
    assert!(project.check(&both()).is_empty());
    assert!(!project.inspect().is_fresh());
}

#[test]
fn forged_header_does_not_help_beside_an_intact_lock() {
    let project = Project::built();
    let forged = "kubernetes/allow/forged.yaml";
    project.put(forged, header(&["intents/app.toml".into()]) + "forged: 1\n");
    project.build(&both()).unwrap();
    assert!(project.path(forged).exists());
    let mut next = both();
    next.extend(wanted(&[(forged, "x: 1\n")]));
    assert_eq!(found(&project.overwrite(&next).problems), [codes::FOREIGN]);
}

#[test]
fn broken_lock_is_rebuilt_from_the_headers() {
    for lock in [None, Some(""), Some("<<<<<<< ours\n"), Some("# What netpolc")] {
        let project = Project::built();
        fs::remove_file(project.path(LOCK_FILE)).unwrap();
        if let Some(lock) = lock {
            project.put(LOCK_FILE, lock);
        }
        assert!(!project.check(&both()).is_empty());
        let next = wanted(&[(A, "a: 2\n"), (B, "b: 1\n")]);
        // What an edit was and what an old build was cannot be told apart: a replaced file is named.
        assert_eq!(found(&project.plan(&next).warnings), [codes::EDITED]);
        assert!(project.plan(&both()).warnings.is_empty());
        assert_eq!(project.build(&next).unwrap().updated, 1);
        assert!(project.check(&next).is_empty());
    }
}

#[test]
fn without_a_lock_leftovers_are_named_and_kept() {
    let project = Project::built();
    fs::remove_file(project.path(LOCK_FILE)).unwrap();
    let next = wanted(&[(A, "a: 1\n")]);
    let plan = project.plan(&next);
    assert_eq!(found(&plan.warnings), [codes::FOREIGN]);
    plan.apply().unwrap();
    assert!(project.path(B).exists());
}

#[test]
fn merged_lock_accepts_the_hashes_of_both_sides() {
    let ours = Project::built();
    let theirs = Project::new();
    theirs.build(&wanted(&[(A, "a: 2\n"), (B, "b: 1\n")])).unwrap();
    let merged = format!("<<<<<<< ours\n{}=======\n{}>>>>>>> x\n", ours.text(LOCK_FILE), theirs.text(LOCK_FILE));
    let next = wanted(&[(A, "a: 3\n"), (B, "b: 1\n")]);
    for text in [ours.text(A), theirs.text(A)] {
        ours.put(LOCK_FILE, &merged);
        ours.put(A, text);
        ours.build(&next).unwrap();
        assert!(ours.check(&next).is_empty());
    }
}

#[test]
fn lock_lines_cannot_lead_outside() {
    let project = Project::built();
    let victim = project.temp.path().join("victim");
    fs::write(&victim, "v").unwrap();
    let hash = blake3::hash(b"v").to_hex();
    project.put(LOCK_FILE, project.text(LOCK_FILE) + &format!("{hash}  ../victim\n{hash}  a/../../victim\n"));
    project.build(&both()).unwrap();
    assert!(victim.exists());
    assert!(!project.text(LOCK_FILE).contains("victim"));
}

#[test]
fn lines_and_files_outside_of_the_scope_stay() {
    let project = Project::new();
    let mut all = both();
    all.extend(wanted(&[("calico/allow/c.yaml", "c: 1\n")]));
    project.build(&all).unwrap();
    let project = project.only("kubernetes");
    let next = wanted(&[(A, "a: 2\n")]);
    assert_eq!(project.build(&next).unwrap().deleted, 1);
    assert!(project.path("calico/allow/c.yaml").exists());
    assert!(project.text(LOCK_FILE).contains("calico/allow/c.yaml"));
    assert!(project.check(&next).is_empty());
    project.put("calico/allow/c.yaml", "edited");
    assert_eq!(found(&project.check(&next)), [codes::EDITED]);
    fs::remove_file(project.path("calico/allow/c.yaml")).unwrap();
    assert_eq!(found(&project.check(&next)), [codes::STALE]);
}

#[test]
fn scope_is_by_folder_not_by_prefix() {
    let scope = Scope::folders(["prod/kubernetes"]);
    assert!(scope.holds("prod/kubernetes/allow/a.yaml".into()));
    assert!(!scope.holds("prod/kubernetes2/a.yaml".into()));
    assert!(!scope.holds("prod/calico/a.yaml".into()));
    assert!(Scope::everything().holds("x".into()));
}

#[test]
fn partial_run_with_a_lost_lock_keeps_the_other_dialects_ours() {
    let project = Project::new();
    let c = "calico/allow/c.yaml";
    let mut all = both();
    all.extend(wanted(&[(c, "c: 1\n")]));
    project.build(&all).unwrap();
    fs::remove_file(project.path(LOCK_FILE)).unwrap();
    let mut project = project.only("kubernetes");
    project.build(&both()).unwrap();
    project.scope = Scope::everything();
    assert!(project.check(&all).is_empty());
}

#[test]
fn lock_cut_off_in_a_line_is_damaged() {
    let project = Project::built();
    let whole = project.text(LOCK_FILE);
    assert!(Lock::parse(whole.clone().into()).intact);
    project.put(LOCK_FILE, whole.strip_suffix(".yaml\n").unwrap());
    let next = wanted(&[(A, "a: 1\n"), (B, "b: 2\n")]);
    assert_eq!(project.build(&next).unwrap().updated, 1);
    assert!(project.check(&next).is_empty());
}

/// What a lossy reading would make of such a path is the path of some other file.
#[test]
fn lock_line_of_a_path_that_is_no_text_names_no_file() {
    let hash = blake3::hash(b"").to_hex();
    let line = |path: &[u8]| [hash.as_bytes(), b"  ", path, b"\n"].concat();
    let lock = |path: &[u8]| Lock::parse([to_text(&Hashes::new()).as_bytes(), &line(path)].concat());
    let good = lock(A.as_bytes());
    assert_eq!((good.hashes.len(), good.intact), (1, true));
    for path in [&b"kubernetes/\xff.yaml"[..], "kubernetes/\u{fffd}.yaml".as_bytes()] {
        let bad = lock(path);
        assert_eq!((bad.hashes.len(), bad.intact), (0, false), "{path:?}");
    }
}

/// A header alone can be copied; it counts only where there is no lock to ask.
#[test]
fn generated_texts_are_told_by_the_lock_and_without_it_by_the_header() {
    let project = Project::built();
    let forged = "kubernetes/allow/forged.yaml";
    project.put(forged, header(&["intents/app.toml".into()]) + "forged: 1\n");
    project.put("kubernetes/allow/other.yaml", "x");
    let paths = || project.inspect().generated().map(|(path, _)| path.to_string()).collect::<Vec<_>>();
    assert_eq!(paths(), [A, B]);
    fs::remove_file(project.path(LOCK_FILE)).unwrap();
    assert_eq!(paths(), [A, forged, B]);
}

#[test]
fn without_a_lock_a_conflict_is_still_an_edit() {
    let project = Project::built();
    fs::remove_file(project.path(LOCK_FILE)).unwrap();
    project.put(A, project.text(A) + "<<<<<<< ours\na: 1\n=======\na: 2\n>>>>>>> theirs\n");
    assert_eq!(found(&project.plan(&both()).problems), [codes::EDITED]);
    project.put(A, project.text(B) + "text: a < b\n");
    assert!(project.plan(&both()).problems.is_empty());
}
