//! What `--check` says.

use super::*;

#[test]
fn check_sees_every_edited_byte_and_every_added_or_removed_file() {
    let project = Project::built();
    for path in [A, B, LOCK_FILE] {
        let good = fs::read(project.path(path)).unwrap();
        for at in 0..=good.len() {
            let mut variants = vec![[&good[..at], b"x", &good[at..]].concat()];
            if at < good.len() {
                variants.push([&good[..at], &good[at + 1..]].concat());
                variants.push([&good[..at], &[good[at] ^ 1], &good[at + 1..]].concat());
            }
            for bad in variants.into_iter().filter(|bad| *bad != good) {
                project.put(path, &bad);
                assert!(!project.check(&both()).is_empty(), "{path} at {at}");
            }
        }
        fs::remove_file(project.path(path)).unwrap();
        assert_eq!(project.check(&both()).len(), 1, "{path} removed");
        project.put(path, &good);
    }
    for extra in ["x", ".hidden", "kubernetes/.x", "kubernetes/allow/z.yaml", "new/dir/file"] {
        project.put(extra, "");
        assert_eq!(found(&project.check(&both())), [codes::FOREIGN], "{extra}");
        assert!(!project.build(&both()).unwrap().wrote());
        fs::remove_file(project.path(extra)).unwrap();
    }
    assert!(project.check(&both()).is_empty());
}

#[test]
fn check_reports_each_file_once() {
    let project = Project::built();
    let next = wanted(&[(A, "a: 2\n"), ("kubernetes/allow/new.yaml", "n: 1\n")]);
    project.put("kubernetes/extra", "");
    let mut sources = Sources::default();
    let problems = project.plan(&next).check_problems(&mut sources);
    assert_eq!(found(&problems), [codes::STALE, codes::STALE, codes::STALE, codes::FOREIGN]);
    assert_eq!(sources.text(problems[0].primary.as_ref().unwrap().span), "a: 1");
    assert!(problems.iter().all(|p| p.help[0].contains("netpolc build")));
}

#[test]
fn extra_check_is_not_repeated_for_a_reported_problem() {
    let project = Project::new();
    project.put(A, "mine");
    let problems = project.check(&both());
    assert_eq!(problems.iter().filter(|p| p.message.contains(A)).count(), 1);
}

#[cfg(unix)]
#[test]
fn link_in_the_way_is_reported_once() {
    let project = Project::built();
    fs::remove_file(project.path(A)).unwrap();
    std::os::unix::fs::symlink("nowhere", project.path(A)).unwrap();
    let problems = project.check(&both());
    assert_eq!(problems.iter().filter(|p| p.message.contains(A)).count(), 1);
}
