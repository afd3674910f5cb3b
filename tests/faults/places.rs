//! Places that cannot be written, or must not be.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// A build that must not write; what stands in the project stays as it is.
fn refused(scene: &Scene, args: &[&str], code: i32, why: &str) {
    let before = state(&scene.dir);
    let output = scene.command(BINARY, args).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(why), "{said}");
    same(&state(&scene.dir), &before, &said);
    scene.canary.is_untouched();
}

#[test]
fn out_or_a_folder_of_it_that_is_a_link_is_refused() {
    let case = update();
    for place in ["out", "out/kubernetes", "out/kubernetes/allow"] {
        let scene = Scene::new(&case.before);
        fs::remove_dir_all(scene.dir.join(place)).unwrap();
        symlink(&scene.canary.dir, scene.dir.join(place)).unwrap();
        refused(&scene, &["build", "--overwrite"], 1, &format!("`{place}` is a symbolic link"));
    }
}

#[test]
fn a_file_that_is_a_link_is_refused() {
    let case = update();
    for place in ["out/kubernetes/allow/back.yaml", LOCK] {
        let scene = Scene::new(&case.before);
        fs::remove_file(scene.dir.join(place)).unwrap();
        symlink(scene.canary.dir.join("back.yaml"), scene.dir.join(place)).unwrap();
        refused(&scene, &["build", "--overwrite"], 1, &format!("`{place}` is a symbolic link"));
    }
}

/// Who ignores permissions, as root does, is held by them too: they are somebody's wish.
#[test]
fn read_only_folders_and_files_keep_everything_as_it_was() {
    let changing = update();
    let adding = next_build();
    for (case, place) in [
        (&changing, "out/kubernetes/allow/back.yaml"),
        (&changing, "out/kubernetes/allow"),
        (&changing, "out/.netpolc.lock"),
        (&changing, "out"),
        (&adding, "out"),
    ] {
        let scene = Scene::new(&case.before);
        let path = scene.dir.join(place);
        let mode = path.metadata().unwrap().permissions().mode();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode & !0o222)).unwrap();
        refused(&scene, &["build"], 2, "permission denied");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        case.recovers(&scene, place);
    }
    let scene = Scene::new(&fix().before);
    let path = scene.dir.join("intents/two.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    refused(&scene, fix().args, 2, "cannot write `intents/two.toml`: permission denied");
}

#[test]
fn fifos_sockets_and_devices_in_the_way_are_refused() {
    let case = update();
    let make: [(&str, &[&str]); 2] = [("mkfifo", &[]), ("mknod", &["c", "1", "3"])];
    for (program, arguments) in make {
        for place in ["out/kubernetes/allow/back.yaml", LOCK, "out/kubernetes/allow"] {
            let scene = Scene::new(&case.before);
            let path = scene.dir.join(place);
            let _ = fs::remove_file(&path);
            let _ = fs::remove_dir_all(&path);
            let made = Command::new(program).arg(&path).args(arguments).output().unwrap();
            // To make a device takes root.
            if !made.status.success() {
                continue;
            }
            let output = scene.command(BINARY, &["build", "--overwrite"]).output().unwrap();
            let said = said(&output);
            assert_eq!(output.status.code(), Some(1), "{place}: {said}");
            assert!(said.contains(&format!("`{place}` is not a regular file")), "{said}");
            scene.canary.is_untouched();
        }
    }
    let scene = Scene::new(&case.before);
    fs::remove_file(scene.dir.join(LOCK)).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(scene.dir.join(LOCK)).unwrap();
    let output = scene.command(BINARY, &["build"]).output().unwrap();
    assert!(said(&output).contains("is not a regular file"), "{}", said(&output));
}

#[test]
fn files_of_others_and_edited_files_stay() {
    let case = update();
    let place = "out/kubernetes/allow/back.yaml";
    for (place, text, args, why) in [
        (place, "edited: 1\n", &["build"][..], "`out/kubernetes/allow/back.yaml` was edited by hand"),
        ("out/kubernetes/mine.yaml", "mine: 1\n", &["build"], ""),
    ] {
        let scene = Scene::new(&case.before);
        fs::write(scene.dir.join(place), text).unwrap();
        let output = scene.command(BINARY, args).output().unwrap();
        assert!(said(&output).contains(why), "{}", said(&output));
        assert_eq!(fs::read_to_string(scene.dir.join(place)).unwrap(), text);
    }
    let scene = Scene::new(&first_build().before);
    fs::create_dir_all(scene.dir.join("out/kubernetes/allow")).unwrap();
    // A header alone makes no file ours, where a lock says what is.
    fs::write(
        scene.dir.join(LOCK),
        &case.before[LOCK][..case.before[LOCK].iter().position(|b| *b == b'\n').unwrap() + 1],
    )
    .unwrap();
    fs::write(scene.dir.join(place), "# Code generated by netpolc. DO NOT EDIT.\nforged: 1\n").unwrap();
    refused(&scene, &["build", "--overwrite"], 1, "was not written by netpolc");
}

/// Somebody else's file that appears where a new one was about to be put, between any two calls.
#[test]
fn a_file_that_appears_during_the_run_is_not_replaced() {
    if !strace() {
        return;
    }
    let case = next_build();
    let path = "out/calico/allow/fresh.yaml";
    assert!(case.after.contains_key(path) && !case.before.contains_key(path));
    let mut kept = 0;
    for (name, number) in calls::calls(&case, "mkdirat,newfstatat,renameat2,close") {
        let scene = Scene::new(&case.before);
        let halted = Halted::at(&scene, &case, &name, number);
        let full = scene.dir.join(path);
        let folder = full.parent().unwrap();
        // Where the run has not made the folder yet there is nothing to put a file in.
        let mine = folder.is_dir() && !full.exists();
        if mine {
            fs::write(&full, "mine: 1\n").unwrap();
        }
        let output = halted.go_on();
        if mine {
            assert_eq!(fs::read_to_string(&full).unwrap(), "mine: 1\n", "{name} {number}: {}", said(&output));
            assert_ne!(output.status.code(), Some(0), "{name} {number}");
            kept += 1;
        }
    }
    assert!(kept > 5, "only {kept} times was there a moment to try");
}

/// A link of a repository that leads elsewhere is not followed to write a file there for the first time.
#[test]
fn a_new_file_is_not_made_through_a_link_that_leads_out() {
    let settings = SETTINGS.to_owned() + "file = \".github/CODEOWNERS\"\n";
    let scene = Scene::new(&with(project(intent(&["back", "front"], "80")), "netpolc.toml", settings));
    symlink(&scene.canary.dir, scene.dir.join(".github")).unwrap();
    refused(&scene, &["owners"], 1, "`.github/CODEOWNERS` leads outside of the repository");
    let scene = Scene::new(&State::new());
    symlink(&scene.canary.dir, scene.dir.join("intents")).unwrap();
    refused(&scene, &["init"], 2, "a link leads out of the folder");
    // Where it stays inside, it is the project's own.
    fs::remove_file(scene.dir.join("intents")).unwrap();
    fs::create_dir(scene.dir.join("apps")).unwrap();
    symlink("apps", scene.dir.join("intents")).unwrap();
    assert!(scene.command(BINARY, &["init"]).output().unwrap().status.success());
    assert!(scene.dir.join("apps/app.toml").is_file());
}

/// What a kill left beside files of people goes with the next run, also where nothing is left to change.
#[test]
fn leftovers_beside_files_of_people_are_removed() {
    for (case, place) in [(fix(), "intents"), (next_owners(), ""), (new_owners(), ".github")] {
        let scene = Scene::new(&case.after);
        let left = scene.dir.join(place).join(".netpolc-tmp-0-0");
        if place == ".github" && !left.parent().unwrap().is_dir() {
            continue;
        }
        fs::write(&left, "half").unwrap();
        scene.command(BINARY, case.args).output().unwrap();
        same(&state(&scene.dir), &case.after, case.name);
    }
}

/// Full for real, where a file system may be mounted.
#[test]
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
fn a_full_disk_leaves_everything_as_it_was() {
    let scene = Scene::new(&project(intent(&["back", "front"], "80")));
    let out = scene.dir.join("out");
    fs::create_dir(&out).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=16k", "netpolc-test"]).arg(&out).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no file system may be mounted here");
        return;
    }
    let result = std::panic::catch_unwind(|| refused(&scene, &["build"], 2, "no storage space"));
    assert!(Command::new("umount").arg(&out).status().unwrap().success());
    result.unwrap();
}
