//! Two builds at once, of two states of the intents. `NETPOLC_TEST_RACES` says how often.

use std::thread::sleep;
use std::time::Duration;

use super::*;

fn start(scene: &Scene) -> std::process::Child {
    scene.command(BINARY, &["build"]).env("RAYON_NUM_THREADS", "2").spawn().unwrap()
}

#[test]
#[allow(clippy::print_stderr, reason = "how often one of them had to stop")]
fn of_two_builds_at_once_one_wins_whole() {
    let names: Vec<String> = (0..12).map(|number| format!("ns-{number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let texts = [intent(&names, "80"), intent(&names[2..], "80, 443")];
    let old = intent(&names[..8], "8080");
    let before = Case::new("old", &["build"], project(old)).after;
    let outs = texts.clone().map(|text| {
        let after = Case::new("one", &["build"], with(before.clone(), "intents/shop.toml", text)).after;
        after.into_iter().filter(|(path, _)| path.starts_with("out/")).collect::<State>()
    });
    let mut chance = Chance(0x7477_6963_6501);
    let races = number("NETPOLC_TEST_RACES", 20);
    let mut stopped = 0;
    for race in 0..races {
        let first = race % 2 == 0;
        let scene = Scene::new(&if first { project(texts[0].clone()) } else { before.clone() });
        let put = |text: &[u8]| {
            // An editor that replaces the file at once.
            fs::write(scene.dir.join("new"), text).unwrap();
            fs::rename(scene.dir.join("new"), scene.dir.join("intents/shop.toml")).unwrap();
        };
        put(&texts[0]);
        let one = start(&scene);
        sleep(Duration::from_micros(chance.below(30_000) as u64));
        put(&texts[1]);
        let two = start(&scene);
        let outputs = [one.wait_with_output().unwrap(), two.wait_with_output().unwrap()];
        let mut won = 0;
        for output in &outputs {
            match output.status.code() {
                Some(0) => won += 1,
                Some(2) => {
                    let said = said(output);
                    let why = [
                        "another netpolc is writing to `out`; run again",
                        "changed while netpolc was running; run again",
                        "no such file or folder",
                    ];
                    assert!(why.iter().any(|why| said.contains(why)), "{race}: {said}");
                    stopped += 1;
                }
                _ => panic!("{race}: {}", said(output)),
            }
        }
        assert!(won > 0, "{race}: {:?}", outputs.map(|output| said(&output)));
        let seen: State = state(&scene.dir).into_iter().filter(|(path, _)| path.starts_with("out/")).collect();
        assert!(outs.contains(&seen), "{race}: {:?}", seen.keys());
        scene.canary.is_untouched();
    }
    eprintln!("{races} times two builds: {stopped} of them had to stop");
}

/// A run that looked before another wrote would take what that one wrote for edits of a person.
#[test]
fn what_another_run_writes_meanwhile_is_no_edit() {
    if !strace() {
        return;
    }
    let case = next_build();
    let looks = calls::calls(&case, "openat,getdents64,statx");
    let mut stopped = 0;
    for (name, number) in looks.into_iter().step_by(if all() { 1 } else { 3 }) {
        let scene = Scene::new(&case.before);
        let halted = Halted::at(&scene, &case, &name, number);
        let quick = scene.command(BINARY, case.args).output().unwrap();
        let slow = halted.go_on();
        let what = format!("{name} {number}: {} {}", said(&quick), said(&slow));
        // The slow one may hold the folder already.
        let codes = [quick.status.code(), slow.status.code()];
        assert!(codes == [Some(0); 2] || codes == [Some(0), Some(2)] || codes == [Some(2), Some(0)], "{what}");
        stopped += usize::from(codes.contains(&Some(2)));
        assert!(!what.contains("edited"), "{what}");
        same(&state(&scene.dir), &case.after, &what);
    }
    assert!(stopped > 5, "only {stopped} runs had to stop");
}

/// Who made the folder and comes too late does not take it away again.
#[test]
fn a_run_that_has_to_stop_leaves_the_folder_to_the_other() {
    if !strace() {
        return;
    }
    let case = first_build();
    let scene = Scene::new(&case.before);
    let maker = Halted::at(&scene, &case, "mkdirat", 1);
    assert!(scene.dir.join("out").is_dir());
    let holder = Halted::at(&scene, &case, "flock", 1);
    let late = maker.go_on();
    assert_eq!(late.status.code(), Some(2), "{}", said(&late));
    assert!(said(&late).contains("another netpolc is writing to `out`; run again"), "{}", said(&late));
    let first = holder.go_on();
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    same(&state(&scene.dir), &case.after, "two first builds");
}
