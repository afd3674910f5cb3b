//! What must not be written, or not through.

use super::*;
use crate::output::folder::Folder;
use crate::output::lock::{Lock, to_text};

#[test]
fn foreign_file_in_the_way_is_never_overwritten() {
    let project = Project::new();
    project.put(A, "mine\n");
    for plan in [project.plan(&both()), project.overwrite(&both())] {
        assert_eq!(found(&plan.problems), [codes::FOREIGN]);
        assert!(matches!(plan.apply(), Err(OutputError::Refused)));
    }
    assert_eq!(project.text(A), "mine\n");
    assert!(!project.path(B).exists());
}

#[cfg(unix)]
#[test]
fn links_in_the_way_are_refused() {
    use std::os::unix::fs::symlink;
    for place in ["", "kubernetes", "kubernetes/allow", A, LOCK_FILE] {
        let project = Project::built();
        let at = if place.is_empty() { project.out() } else { project.path(place) };
        let away = Utf8Path::from_path(project.temp.path()).unwrap().join("away");
        fs::rename(&at, &away).unwrap();
        symlink(&away, &at).unwrap();
        let next = wanted(&[(A, "a: 2\n"), (B, "b: 1\n")]);
        for plan in [project.plan(&next), project.overwrite(&next)] {
            assert!(found(&plan.problems).contains(&codes::UNSAFE_PATH), "{place}");
            assert!(plan.problems[0].message.ends_with(" is a symbolic link"), "{place}");
            assert!(matches!(plan.apply(), Err(OutputError::Refused)));
        }
        assert!(!project.check(&both()).is_empty(), "{place}");
        assert!(at.is_symlink());
    }
}

#[cfg(unix)]
#[test]
fn a_parent_swapped_after_inspection_is_seen() {
    use std::os::unix::fs::symlink;
    let project = Project::built();
    let plan = project.plan(&wanted(&[(A, "a: 2\n"), (B, "b: 1\n")]));
    let away = project.temp.path().join("away");
    fs::rename(project.path("kubernetes/allow"), &away).unwrap();
    symlink(&away, project.path("kubernetes/allow")).unwrap();
    assert!(matches!(plan.apply(), Err(OutputError::Changed { .. })));
    assert!(fs::read_to_string(away.join("a.yaml")).unwrap().ends_with("a: 1\n"));
}

#[cfg(unix)]
#[test]
fn foreign_link_elsewhere_is_extra_and_not_followed() {
    let project = Project::built();
    std::os::unix::fs::symlink("/", project.path("root")).unwrap();
    assert_eq!(found(&project.check(&both())), [codes::FOREIGN]);
    assert!(project.plan(&both()).problems.is_empty());
}

#[test]
fn out_that_is_a_file_is_refused() {
    let project = Project::new();
    fs::write(project.out(), "x").unwrap();
    let problems = project.plan(&both()).problems;
    assert_eq!(found(&problems), [codes::UNSAFE_PATH]);
    assert_eq!(problems[0].message, "`out` is a file, not a folder");
}

#[test]
fn folder_and_file_in_each_others_place_are_refused() {
    let project = Project::new();
    project.put("kubernetes/allow/a.yaml/deep", "x");
    project.put("kubernetes/baseline", "x");
    assert_eq!(found(&project.plan(&both()).problems), [codes::FOREIGN, codes::FOREIGN]);
}

#[test]
fn changed_file_after_inspection_is_seen() {
    let project = Project::built();
    let plan = project.plan(&wanted(&[(A, "a: 2\n"), (B, "b: 2\n")]));
    project.put(B, "other");
    assert!(matches!(plan.apply(), Err(OutputError::Changed { .. })));
    assert!(project.text(A).ends_with("a: 1\n"));
    assert_eq!(project.text(B), "other");
}

#[test]
fn file_made_after_inspection_is_not_replaced() {
    let project = Project::new();
    let plan = project.plan(&both());
    project.put(A, "mine");
    assert!(matches!(plan.apply(), Err(OutputError::Changed { .. })));
    assert_eq!(project.text(A), "mine");
    assert!(!project.path(B).exists());
}

#[test]
fn read_only_file_stops_the_build_before_any_write() {
    let project = Project::built();
    let mut permissions = project.path(B).metadata().unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(project.path(B), permissions).unwrap();
    let before = project.snapshot();
    let error = project.build(&wanted(&[(A, "a: 2\n"), (B, "b: 2\n")])).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write `out/{B}`: permission denied"));
    assert_eq!(project.snapshot(), before);
}

#[test]
fn twins_by_case_are_refused() {
    let project = Project::new();
    let next = wanted(&[("k/Web.yaml", ""), ("k/web.yaml", ""), ("K/x.yaml", "")]);
    assert_eq!(found(&project.plan(&next).problems), [codes::UNSAFE_PATH, codes::UNSAFE_PATH]);
    let next = wanted(&[("K/Web.yaml", ""), ("K/weB.yaml", "")]);
    assert_eq!(found(&project.plan(&next).problems), [codes::UNSAFE_PATH]);
}

#[test]
fn names_that_leave_out_are_refused() {
    let project = Project::new();
    for bad in ["../x", "/x", "a/./b", "a//b", ".netpolc.lock", "", "a/.netpolc-tmp-x", "a\nb", "a\\b"] {
        assert!(found(&project.plan(&wanted(&[(bad, "")])).problems).contains(&codes::UNSAFE_PATH), "{bad:?}");
    }
}

#[test]
fn leftovers_of_a_killed_run_are_removed_and_never_foreign() {
    let project = Project::built();
    project.put("kubernetes/allow/.netpolc-tmp-Ab12cd", "half");
    assert!(project.check(&both()).is_empty());
    let plan = project.plan(&both());
    assert!(plan.is_clean());
    plan.apply().unwrap();
    assert!(!project.path("kubernetes/allow/.netpolc-tmp-Ab12cd").exists());
    assert!(project.check(&both()).is_empty());
}

#[test]
fn run_killed_between_renames_leaves_nothing_edited() {
    let project = Project::built();
    let second = wanted(&[(A, "a: 2\n"), (B, "b: 2\n")]);
    let third = wanted(&[(A, "a: 3\n"), (B, "b: 3\n")]);
    let first_lock = project.text(LOCK_FILE);
    project.build(&second).unwrap();
    let second_lock = project.text(LOCK_FILE);
    // As after a kill: one file renamed, the lock with both hashes.
    project.put(B, wanted(&[(B, "b: 1\n")]).into_values().next().unwrap().as_bytes());
    let (first, second) = (Lock::parse(first_lock.into()), Lock::parse(second_lock.into()));
    let mut both = first.hashes;
    for (path, lines) in second.hashes {
        both.entry(path).or_default().extend(lines);
    }
    project.put(LOCK_FILE, to_text(&both));
    project.build(&third).unwrap();
    assert!(project.check(&third).is_empty());
}

#[cfg(unix)]
#[test]
fn second_run_at_once_is_told() {
    let project = Project::built();
    let plan = project.plan(&wanted(&[(A, "a: 2\n")]));
    let other = fs::File::open(project.out()).unwrap();
    other.lock().unwrap();
    let error = plan.apply().unwrap_err();
    assert_eq!(error.to_string(), "another netpolc is writing to `out`; run again");
    drop(other);
    plan.apply().unwrap();
}

#[cfg(unix)]
#[test]
fn fifo_in_the_way_does_not_block() {
    let project = Project::built();
    fs::remove_file(project.path(A)).unwrap();
    let made = std::process::Command::new("mkfifo").arg(project.path(A)).status();
    if made.is_ok_and(|status| status.success()) {
        assert_eq!(found(&project.plan(&both()).problems), [codes::UNSAFE_PATH]);
    }
}

#[test]
fn run_that_finished_since_the_inspection_is_seen() {
    let project = Project::built();
    let late = project.plan(&wanted(&[(A, "a: 2\n"), (B, "b: 1\n")]));
    project.build(&wanted(&[(A, "a: 1\n"), (B, "b: 3\n")])).unwrap();
    let error = late.apply().unwrap_err();
    assert_eq!(error.to_string(), "`out/.netpolc.lock` changed while netpolc was running; run again");
    assert!(project.text(A).ends_with("a: 1\n"));
}

#[cfg(unix)]
#[test]
fn link_in_the_place_of_what_another_scope_wrote_is_not_in_the_way() {
    let project = Project::new();
    let c = "calico/allow/c.yaml";
    let mut all = both();
    all.extend(wanted(&[(c, "c: 1\n")]));
    project.build(&all).unwrap();
    fs::remove_file(project.path(c)).unwrap();
    std::os::unix::fs::symlink("nowhere", project.path(c)).unwrap();
    assert_eq!(found(&project.plan(&all).problems), [codes::UNSAFE_PATH]);
    assert!(project.only("kubernetes").plan(&both()).problems.is_empty());
}

#[cfg(unix)]
#[test]
fn leftover_that_became_something_else_is_not_removed() {
    let project = Project::built();
    let leftover = project.path("kubernetes/allow/.netpolc-tmp-Ab12cd");
    fs::write(&leftover, "half").unwrap();
    let plan = project.plan(&both());
    fs::remove_file(&leftover).unwrap();
    std::os::unix::fs::symlink("nowhere", &leftover).unwrap();
    assert!(matches!(plan.apply(), Err(OutputError::Changed { .. })));
    assert!(leftover.is_symlink());
}

#[cfg(unix)]
#[test]
fn files_and_folders_are_known_from_others() {
    let project = Project::built();
    let open = |path: &str| Folder::open(&project.path(path)).unwrap();
    let folder = open("kubernetes/allow");
    assert!(folder.is(&open("kubernetes/allow")).unwrap());
    assert!(!folder.is(&open("kubernetes/baseline")).unwrap());
    let identity = || folder.found("a.yaml").unwrap().unwrap().identity;
    let before = identity();
    assert_eq!(identity(), before);
    project.put(A, "another text");
    assert_ne!(identity(), before);
}
