//! Links in the place of folders, put there while builds run. `NETPOLC_TEST_SWAPS` says how many builds.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// Swaps a folder for a link and back, for as long as builds run.
fn swap(folder: &Path, canary: &Path, stop: &AtomicBool) {
    let away = folder.with_file_name("away");
    while !stop.load(Ordering::Relaxed) {
        if fs::rename(folder, &away).is_err() {
            std::thread::yield_now();
            continue;
        }
        let _ = symlink(canary, folder);
        std::thread::yield_now();
        let _ = fs::remove_file(folder);
        // A build may have made a folder there; what was moved away then goes, and the next build makes it anew.
        if fs::rename(&away, folder).is_err() {
            let _ = fs::remove_dir_all(&away);
        }
        std::thread::yield_now();
    }
}

#[test]
#[allow(clippy::print_stderr, reason = "how many builds noticed")]
fn nothing_is_written_through_a_link_that_appears_during_the_run() {
    let slow = strace();
    let settings = SETTINGS.to_owned() + "\n[paths]\nout = \"generated/out\"\n";
    let texts = [intent(&["back", "front"], "80"), intent(&["back", "front", "third"], "80, 443")];
    let builds = number("NETPOLC_TEST_SWAPS", 8);
    let mut noticed = [0; 3];
    for place in ["generated", "generated/out", "generated/out/kubernetes", "generated/out/kubernetes/allow"] {
        let scene = Scene::new(&with(project(texts[0].clone()), "netpolc.toml", settings.clone()));
        assert!(scene.command(BINARY, &["build"]).output().unwrap().status.success());
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| swap(&scene.dir.join(place), &scene.canary.dir, &stop));
            for turn in 0..builds {
                fs::write(scene.dir.join("intents/shop.toml"), &texts[(turn + 1) % 2]).unwrap();
                // Between a look and what follows it there is time for a swap.
                let delay = "inject=newfstatat,openat,mkdirat:delay_exit=700";
                let trace = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=newfstatat,openat,mkdirat", "-e", delay];
                let trace: Vec<&str> = trace.into_iter().chain([BINARY, "build", "--overwrite"]).collect();
                let output = match slow && turn % 2 == 0 {
                    true => scene.command("strace", &trace).output().unwrap(),
                    false => scene.command(BINARY, &["build", "--overwrite"]).output().unwrap(),
                };
                said(&output);
                noticed[usize::try_from(output.status.code().unwrap()).unwrap()] += 1;
            }
            stop.store(true, Ordering::Relaxed);
        });
        scene.canary.is_untouched();
        let _ = fs::remove_dir_all(scene.dir.join("generated"));
        let last = scene.command(BINARY, &["build"]).output().unwrap();
        assert!(last.status.success(), "{place}: {}", said(&last));
    }
    eprintln!("{noticed:?} builds ended with exit code 0, 1, 2");
}

/// The same without chance: the run stands still after one of its calls while the folder becomes a link.
#[test]
fn at_no_call_does_a_link_in_a_folders_place_lead_outside() {
    if !strace() {
        return;
    }
    let case = next_build();
    let names = "openat,mkdirat,renameat,renameat2,unlinkat,newfstatat";
    let (mut refused, every) = (0, if all() { 1 } else { 2 });
    for (turn, (name, number)) in calls::calls(&case, names).into_iter().enumerate().step_by(every) {
        let places = ["out", "out/kubernetes", "out/kubernetes/allow", "out/calico"];
        let places = if all() { &places[..] } else { &places[turn / 2 % 4..][..1] };
        for place in places {
            let scene = Scene::new(&case.before);
            let halted = Halted::at(&scene, &case, &name, number);
            let (folder, away) = (scene.dir.join(place), scene.dir.join("away"));
            let moved = fs::rename(&folder, &away).is_ok();
            let swapped = symlink(&scene.canary.dir, &folder).is_ok();
            let output = halted.go_on();
            said(&output);
            scene.canary.is_untouched();
            refused += usize::from(output.status.code() != Some(0));
            if swapped {
                fs::remove_file(&folder).unwrap();
            }
            if moved {
                fs::rename(&away, &folder).unwrap();
            }
            let what = format!("{place} a link after {name} {number}");
            let next = scene.command(BINARY, case.args).output().unwrap();
            assert_eq!(next.status.code(), Some(0), "{what}: {}", said(&next));
            // A folder that was away may have become empty meanwhile, and stays.
            let files = |state: State| state.into_iter().filter(|(path, _)| !path.ends_with('/')).collect::<State>();
            same(&files(state(&scene.dir)), &files(case.after.clone()), &what);
            scene.canary.is_untouched();
        }
    }
    assert!(refused > 20, "only {refused} runs noticed");
}

/// A file of a person is behind the same kind of path.
#[test]
fn a_fix_writes_through_no_link_that_appears_during_the_run() {
    let case = fix();
    let scene = Scene::new(&case.before);
    for name in ["shop.toml", "two.toml"] {
        fs::copy(scene.dir.join("intents").join(name), scene.canary.dir.join(name)).unwrap();
    }
    let canary = Canary { before: Canary::seen(&scene.canary.dir), dir: scene.canary.dir.clone() };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| swap(&scene.dir.join("intents"), &canary.dir, &stop));
        for _ in 0..number("NETPOLC_TEST_SWAPS", 8) {
            said(&scene.command(BINARY, case.args).output().unwrap());
            let _ = fs::write(scene.dir.join("intents/shop.toml.new"), &case.before["intents/shop.toml"]);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let touched = state(&canary.dir).into_iter().filter(|(path, _)| !path.ends_with(".new")).collect::<State>();
    same(&touched, &canary.before.0, "beside the project");
}
