//! The fuzz targets on the stable toolchain: every checked-in seed of `fuzz/corpus/<target>` goes through the body that
//! cargo-fuzz runs (`fuzz/src`). None may panic, and none may take for ever; nothing else is timed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../fuzz/src/lib.rs"]
mod bodies;

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use crate::support::{repo, tree};
use bodies::{Body, TARGETS};

/// What hangs, hangs longer. A fuzzer's limit is a few seconds of an optimized build; this one is not, and shares its machine.
const HANG: Duration = Duration::from_secs(120);

/// As much as the main thread of a command has.
const STACK: usize = 8 << 20;

/// All seeds together, in bytes: they are cloned with the repository, and run at every change.
const MOST: usize = 300 << 10;

fn corpus() -> PathBuf {
    repo().join("fuzz/corpus")
}

/// Runs the seeds of a target on some threads. A panic, or no answer, is a failure that names the seed.
fn replay(target: &str) {
    let body: Body = TARGETS.iter().find(|(name, _)| *name == target).unwrap().1;
    let seeds: VecDeque<_> = tree(&corpus().join(target)).into_iter().collect();
    let all = seeds.len();
    assert!(all > 0, "{target} has no seeds");
    let seeds = Arc::new(Mutex::new(seeds));
    let (said, heard) = mpsc::channel();
    for _ in 0..4 {
        let (seeds, said) = (Arc::clone(&seeds), said.clone());
        let work = move || {
            loop {
                let next = seeds.lock().unwrap().pop_front();
                let Some((name, data)) = next else { return };
                said.send((name.clone(), None)).unwrap();
                let done = catch_unwind(|| body(&data)).is_ok();
                said.send((name, Some(done))).unwrap();
            }
        };
        thread::Builder::new().stack_size(STACK).spawn(work).unwrap();
    }
    drop(said);
    let (mut running, mut panicked, mut done) = (BTreeSet::new(), vec![], 0);
    while done < all {
        match heard.recv_timeout(HANG) {
            Ok((name, None)) => drop(running.insert(name)),
            Ok((name, Some(fine))) => {
                running.remove(&name);
                done += 1;
                if !fine {
                    panicked.push(name);
                }
            }
            Err(_) => panic!("{target} hangs in {running:?}"),
        }
    }
    assert!(panicked.is_empty(), "{target} panics in {panicked:?}");
}

#[test]
fn seeds_of_calico_selector() {
    replay("calico_selector");
}

#[test]
fn seeds_of_cidr_port() {
    replay("cidr_port");
}

#[test]
fn seeds_of_intent() {
    replay("intent");
}

#[test]
fn seeds_of_pipeline() {
    replay("pipeline");
}

#[test]
fn seeds_of_alike() {
    replay("alike");
}

#[test]
fn plain_yaml() {
    replay("plain");
}

#[test]
fn seeds_of_template() {
    replay("template");
}

#[test]
fn seeds_of_yaml_reader() {
    replay("yaml_reader");
}

/// A target is a body, a file for cargo-fuzz, an entry in its manifest, a folder of seeds, and a test here.
#[test]
fn every_target_is_whole() {
    let names = |paths: Vec<PathBuf>| -> BTreeSet<String> {
        paths.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let inside = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(inside(corpus())), known);
    assert_eq!(names(inside(repo().join("fuzz/fuzz_targets"))), known);
    let manifest = fs::read_to_string(repo().join("fuzz/Cargo.toml")).unwrap();
    let here = fs::read_to_string(repo().join("tests/fuzz_seeds.rs")).unwrap();
    for name in &known {
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is not in fuzz/Cargo.toml");
        assert!(here.contains(&format!("replay(\"{name}\")")), "{name} has no test");
    }
}

#[test]
fn the_seeds_are_few_and_small() {
    let bytes: usize = tree(&corpus()).values().map(Vec::len).sum();
    assert!(bytes <= MOST, "{bytes} bytes of seeds");
}
