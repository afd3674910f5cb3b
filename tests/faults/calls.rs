//! A fault at every system call of a run that concerns the project.
//!
//! Each such call is killed once, and once fails with one of four errors in turn; `NETPOLC_TEST_FAULTS=all` lets each fail with
//! every one of them.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Calls that write, and those that only look: of these a few do where not all are asked for.
const WRITING: &str = "write,renameat,renameat2,linkat,unlinkat,mkdirat,fsync,flock,fchmod,openat,close";
const LOOKING: &str = "read,statx,newfstatat,getdents64,readlink";

const ERRORS: [(&str, &str); 4] = [
    ("ENOSPC", "no storage space"),
    ("EIO", "Input/output error"),
    ("EACCES", "permission denied"),
    ("EINTR", "interrupted"),
];

/// A call by its name and its number among those of its thread.
type Call = (String, usize);

/// The calls of an undisturbed run, from the first that names the project, without those to the standard streams. Calls of
/// different threads have the same numbers, and a fault strikes them all: where one of them belongs to the start of the
/// program, no fault is injected. Nor where a folder is closed: no file system refuses that (`flush` is an affair of files
/// alone, see `filp_close` of Linux), and the standard library would panic.
pub(super) fn calls(case: &Case, names: &str) -> BTreeSet<Call> {
    let scene = Scene::new(&case.before);
    let trace = scene.dir.with_file_name("trace");
    // Where the project begins is seen by what is opened.
    let filter = format!("trace=openat,statx,{names}");
    let output = scene.traced(&["-e", &filter, "-o", trace.to_str().unwrap()], case).output().unwrap();
    assert_eq!(output.status.code(), Some(case.codes[0]), "{}: {}", case.name, said(&output));
    let text = fs::read_to_string(&trace).unwrap();
    let project = scene.dir.to_str().unwrap();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let (mut found, mut early) = (BTreeSet::new(), BTreeSet::new());
    let mut folders = BTreeSet::new();
    let mut begun = false;
    for line in text.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let Some((name, arguments)) = call.trim_start().split_once('(') else { continue };
        if !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            continue;
        }
        let count = counts.entry((thread, name)).or_default();
        *count += 1;
        begun |= arguments.contains(project) || arguments.starts_with("AT_FDCWD, \".\"");
        let stream = ["0,", "1,", "2,"].iter().any(|stream| arguments.starts_with(stream));
        let system = ["\"/proc", "\"/etc", "\"/sys", "\"/usr"].iter().any(|place| arguments.contains(place));
        if name == "openat"
            && let Some((_, handle)) = arguments.rsplit_once(") = ")
        {
            let closing = format!("{})", handle.trim());
            if arguments.contains("O_DIRECTORY") {
                folders.insert(closing)
            } else {
                folders.remove(&closing)
            };
        }
        let folder = name == "close" && folders.iter().any(|handle| arguments.starts_with(handle));
        if begun && !stream && !system && !folder {
            found.insert((name.to_owned(), *count));
        } else {
            early.insert((name.to_owned(), *count));
        }
    }
    found.retain(|call| !early.contains(call) && names.split(',').any(|name| name == call.0));
    assert!(!found.is_empty(), "{text}");
    found
}

/// Runs a case with one fault, and the next one without. Whether the fault struck.
fn disturb(case: &Case, (name, number): &Call, fault: &str, reason: Option<&str>) -> bool {
    let scene = Scene::new(&case.before);
    let trace = scene.dir.with_file_name("trace");
    let inject = format!("inject={name}:{fault}:when={number}");
    let output = scene.injected(case, &trace, name, &inject).output().unwrap();
    case.holds(&scene, &output, &inject);
    match (output.status.code(), reason) {
        // It did not matter, or was tried again.
        (Some(code), _) if code == case.codes[0] && state(&scene.dir) == case.after => {}
        (Some(code), Some(reason)) => {
            let said = said(&output);
            assert!(code == 2 && said.contains("error"), "{}: {inject}: {code}: {said}", case.name);
            let told = said.contains(reason) || said.contains("changed while netpolc was running");
            // A close that strace lets fail does not happen, so that a lock stays; Linux closes before it tells an error.
            let told = told || (name == "close" && said.contains("another netpolc is writing"));
            assert!(told, "{}: {inject}: {said}", case.name);
        }
        (None, None) => {}
        other => panic!("{}: {inject}: {other:?}: {}", case.name, said(&output)),
    }
    case.recovers(&scene, &inject);
    output.status.code().is_none() || fs::read_to_string(trace).unwrap().contains("(INJECTED)")
}

fn disturb_all(case: &Case) {
    if !strace() {
        return;
    }
    let all = all();
    let writing = calls(case, WRITING);
    let looking = calls(case, LOOKING);
    let every = if all { 1 } else { 7 };
    let (mut faults, mut struck) = (0, 0);
    let mut disturb = |call: &Call, fault: &str, reason: Option<&str>| {
        faults += 1;
        struck += usize::from(disturb(case, call, fault, reason));
    };
    for (turn, call) in writing.iter().chain(looking.iter().step_by(every)).enumerate() {
        // Where nothing is written, a kill leaves nothing.
        if all || (writing.contains(call) && call.0 != "close") {
            disturb(call, "signal=KILL", None);
        }
        let errors = if all { &ERRORS[..] } else { &ERRORS[turn % ERRORS.len()..][..1] };
        for (error, reason) in errors {
            disturb(call, &format!("error={error}"), Some(reason));
        }
    }
    // Calls of several threads may come in another order, and be fewer of one thread.
    assert!(struck * 10 >= faults * 9, "{}: of {faults} faults only {struck} struck", case.name);
}

/// What a killed run wrote is known as netpolc's also when the intents say something else by the time of the next run.
#[test]
fn after_a_kill_the_intents_may_have_changed() {
    if !strace() {
        return;
    }
    for case in [next_build(), update()] {
        let third = intent(&["front", "late"], "8080");
        let changed = with(case.after.clone(), "intents/shop.toml", third.clone());
        let expected = Case::new("third", &["build"], changed).after;
        for (name, number) in calls(&case, "renameat,renameat2,unlinkat") {
            let scene = Scene::new(&case.before);
            let inject = format!("inject={name}:signal=KILL:when={number}");
            scene.injected(&case, Path::new("/dev/null"), &name, &inject).output().unwrap();
            fs::write(scene.dir.join("intents/shop.toml"), &third).unwrap();
            let output = scene.command(BINARY, case.args).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}: {inject}: {}", case.name, said(&output));
            same(&state(&scene.dir), &expected, &format!("{}: {inject}", case.name));
        }
    }
}

#[test]
fn a_first_build_may_fail_anywhere() {
    disturb_all(&first_build());
}

#[test]
fn a_build_that_changes_creates_and_deletes_may_fail_anywhere() {
    disturb_all(&next_build());
}

#[test]
fn an_update_may_fail_anywhere() {
    disturb_all(&update());
}

#[test]
fn new_owners_may_fail_anywhere() {
    disturb_all(&new_owners());
}

#[test]
fn next_owners_may_fail_anywhere() {
    disturb_all(&next_owners());
}

#[test]
fn a_fix_may_fail_anywhere() {
    disturb_all(&fix());
}

#[test]
fn init_may_fail_anywhere() {
    disturb_all(&init());
}

/// What the system does not tell is not missing: without its project file a project would be another one.
#[test]
fn a_project_file_or_a_repository_that_cannot_be_looked_at_is_no_missing_one() {
    if !strace() {
        return;
    }
    for (case, name, said_of_it) in [
        (update(), "netpolc.toml", "cannot read `netpolc.toml`: input/output error"),
        (new_owners(), "netpolc.toml", "cannot read `netpolc.toml`: input/output error"),
        (update(), "intents", "cannot read `intents`: input/output error"),
        (new_owners(), "CODEOWNERS", "cannot read `CODEOWNERS`: input/output error"),
        (new_owners(), ".git", "/.git`: input/output error"),
    ] {
        let scene = Scene::new(&case.before);
        let place = scene.dir.join(name);
        let options = ["-o", "/dev/null", "-P", place.to_str().unwrap(), "-e", "inject=statx:error=EIO"];
        let output = scene.traced(&options, &case).output().unwrap();
        let text = said(&output).to_lowercase();
        assert_eq!(output.status.code(), Some(2), "{name}: {text}");
        assert!(text.contains(&said_of_it.to_lowercase()), "{name}: {text}");
        same(&state(&scene.dir), &case.before, name);
    }
}
