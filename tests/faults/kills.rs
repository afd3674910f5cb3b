//! Kills at any moment, also while several threads write. `NETPOLC_TEST_KILLS` says how many.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::*;

/// Namespaces enough that writing takes a while.
fn many(ports: &str) -> Vec<u8> {
    let names: Vec<String> = (0..30).map(|number| format!("ns-{number:02}")).collect();
    intent(&names.iter().map(String::as_str).collect::<Vec<_>>(), ports)
}

#[test]
#[allow(clippy::print_stderr, reason = "how many kills hit a run while it wrote")]
fn a_run_may_be_killed_at_any_moment() {
    let traced = strace();
    let first = Case::new("first", &["build"], project(many("80")));
    let fewer: Vec<String> = (0..25).map(|number| format!("ns-{number:02}")).collect();
    let next = intent(&fewer.iter().map(String::as_str).collect::<Vec<_>>(), "80, 443");
    let next = Case::new("next", &["build"], with(first.after.clone(), "intents/shop.toml", next));
    let mut chance = Chance(0x6e65_7470_6f6c_6331);
    let kills = number("NETPOLC_TEST_KILLS", 40);
    let (mut died, mut half) = (0, 0);
    let scene = Scene::new(&first.before);
    let begun = Instant::now();
    assert!(scene.command(BINARY, &["build"]).output().unwrap().status.success());
    let whole = usize::try_from(begun.elapsed().as_micros()).unwrap();
    for kill in 0..kills {
        let case = if kill % 2 == 0 { &first } else { &next };
        let scene = Scene::new(&case.before);
        let threads = ["1", "2", "4"][chance.below(3)];
        let what;
        let output;
        if traced && kill % 4 < 2 {
            let (call, most) = [("openat", 150), ("write", 70), ("renameat2", 60), ("renameat", 60), ("unlinkat", 12)]
                [chance.below(5)];
            let inject = format!("inject={call}:signal=KILL:when={}", chance.below(most) + 1);
            let filter = format!("trace={call}");
            let mut command = scene.traced(&["-o", "/dev/null", "-e", &filter, "-e", &inject], case);
            output = command.env("RAYON_NUM_THREADS", threads).output().unwrap();
            what = format!("{inject}, {threads} threads");
        } else {
            let delay = Duration::from_micros(chance.below(whole + whole / 4) as u64);
            let mut command = scene.command(BINARY, case.args);
            let mut child = command.env("RAYON_NUM_THREADS", threads).stdout(Stdio::null()).spawn().unwrap();
            sleep(delay);
            child.kill().unwrap();
            output = child.wait_with_output().unwrap();
            what = format!("killed after {delay:?}, {threads} threads");
        }
        died += usize::from(output.status.code().is_none());
        let seen = state(&scene.dir);
        half += usize::from(seen != case.before && seen != case.after);
        case.holds(&scene, &output, &what);
        case.recovers(&scene, &what);
    }
    eprintln!("{kills} kills: {died} hit a run, {half} of them left something half done");
}
