//! Standard streams that are closed, or never end.

use super::*;

/// Runs a line of shell in a project, with the program as `$0`.
fn shell(scene: &Scene, line: &str) -> Output {
    scene.command("sh", &["-c", line, BINARY]).output().unwrap()
}

#[test]
fn closed_streams_are_no_panic_and_change_no_exit_code() {
    let case = first_build();
    for (line, code) in [
        ("exec \"$0\" build >&-", 0),
        ("exec \"$0\" build 2>&-", 0),
        ("exec \"$0\" build <&- >&- 2>&-", 0),
        ("exec \"$0\" build --nonsense >&- 2>&-", 2),
        ("exec \"$0\" check --no-such >&- 2>&-", 2),
    ] {
        let scene = Scene::new(&case.before);
        let output = shell(&scene, line);
        assert_eq!(output.status.code(), Some(code), "{line}: {}", said(&output));
        if code == 0 {
            same(&state(&scene.dir), &case.after, line);
        }
    }
    let scene = Scene::new(&with(case.before.clone(), "intents/bad.toml", "app = 1\n"));
    assert_eq!(shell(&scene, "exec \"$0\" build >&- 2>&-").status.code(), Some(1));
}

/// Nobody reads what is told of the run.
#[test]
fn a_reader_of_standard_error_that_went_away_is_no_panic() {
    let scene = Scene::new(&with(first_build().before, "intents/bad.toml", "app = 1\n"));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = scene.command(BINARY, &["build"]).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

/// As much is read as one file may have, and no more memory taken than that costs.
#[test]
fn standard_input_that_never_ends_is_refused() {
    let scene = Scene::new(&first_build().after);
    for command in ["verify -", "eval -", "krm"] {
        let output = shell(&scene, &format!("ulimit -v 600000; exec \"$0\" {command} </dev/zero"));
        let said = said(&output) + &String::from_utf8_lossy(&output.stdout);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{command}: {said}");
        assert!(said.contains("larger than 64 MiB"), "{command}: {said}");
    }
}

#[test]
fn no_home_is_needed() {
    let case = first_build();
    let scene = Scene::new(&case.before);
    assert!(scene.command(BINARY, case.args).env_remove("HOME").output().unwrap().status.success());
    same(&state(&scene.dir), &case.after, case.name);
}
