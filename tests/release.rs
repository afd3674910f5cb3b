//! What `.ci/release` makes: the archive that people download, and docs/install.md, which says how to make the same again.
//!
//! It takes two release builds of everything, some minutes each, so it is run where they are asked for, and else says that it
//! is skipped: `NETPOLC_REQUIRE_TOOLS=release-builds cargo test --test it release::`. `.ci/run` asks for it without optimization, in
//! a quarter of the time: what it looks for does not come from there. Before a release it is run as it stands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stderr, reason = "what cannot be tried is told")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::docs::page::Page;
use crate::docs::story::Story;
use crate::support::{self, repo, tree};

/// The target that pages name; it stands for the one of the machine that the tests run on.
const SHOWN: &str = "x86_64-unknown-linux-gnu";

/// The page's reader builds from nothing in common with this checkout but the toolchain and the sources of the dependencies in
/// cargo's folder: a clone of a tag at another path, of another length, with another target folder and its own build of every
/// dependency. The page compares the archives with `cmp`. It does not show that another machine gives the same bytes: the
/// linker, and the C library in the binary, are then the same only if they are the same version.
#[test]
fn two_checkouts_at_different_paths_give_the_same_release() {
    if !support::requires("release-builds") {
        eprintln!("skipped: it takes two release builds; NETPOLC_REQUIRE_TOOLS=release-builds asks for them");
        return;
    }
    let dist = tempfile::tempdir().unwrap();
    let temp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    release(temp.parent().unwrap(), dist.path());
    let archive = binstall("pkg-url").rsplit('/').next().unwrap().to_owned();
    let names: Vec<PathBuf> = tree(dist.path()).into_keys().collect();
    assert_eq!(names, [PathBuf::from(&archive), PathBuf::from(format!("{archive}.sha256"))]);

    let page = fs::read_to_string(repo().join("docs/install.md")).unwrap();
    let page = Page::read(&page.replace(SHOWN, &host()));
    assert!(page.needs.iter().all(|tool| support::tool(tool)), "docs/install.md cannot be played");
    let story = Story::begin(&profile());
    for name in names {
        fs::copy(dist.path().join(&name), story.repo().join(&name)).unwrap();
    }
    story.play(&page).unwrap_or_else(|error| panic!("docs/install.md: {error}"));

    let unpacked = tempfile::tempdir().unwrap();
    output(Command::new("tar").arg("-xzf").arg(dist.path().join(&archive)).arg("-C").arg(unpacked.path()));
    let files = tree(unpacked.path());
    holds_what_it_should(&files);
    let binary = &files[Path::new(&binstall("bin-dir"))];
    for path in [repo(), Path::new(&cargo_home()), &story.repo()] {
        let path = path.to_str().unwrap();
        assert!(!binary.windows(path.len()).any(|bytes| bytes == path.as_bytes()), "the binary names {path}");
    }
    is_static(binary);
    works_alone(binary);
}

/// Runs a command that must succeed; what it printed.
fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Settings of the profile that the tests were called with.
fn profile() -> Vec<(&'static str, String)> {
    let names = ["CARGO_PROFILE_RELEASE_OPT_LEVEL", "CARGO_PROFILE_RELEASE_LTO", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS"];
    names.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?))).collect()
}

/// The release of this checkout, in a folder. Nothing of what cargo tells its tests may reach the build.
fn release(target_dir: &Path, folder: &Path) {
    let mut command = Command::new(repo().join(".ci/release"));
    command.arg(host()).arg(folder).current_dir("/");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO")) {
        command.env_remove(name);
    }
    command.envs(profile()).env("CARGO_HOME", cargo_home()).env("CARGO_TARGET_DIR", target_dir);
    output(&mut command);
}

fn cargo_home() -> String {
    std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{}/.cargo", std::env::var("HOME").unwrap()))
}

fn host() -> String {
    let told = String::from_utf8(output(Command::new("rustc").arg("-vV"))).unwrap();
    told.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// What cargo-binstall makes of a template in Cargo.toml, for this version and machine
/// (`crates/binstalk-fetchers/src/gh_crate_meta.rs`, `crates/binstalk-bins/src/lib.rs` there).
fn binstall(key: &str) -> String {
    let manifest: toml::Table = fs::read_to_string(repo().join("Cargo.toml")).unwrap().parse().unwrap();
    let template = manifest["package"]["metadata"]["binstall"][key].as_str().unwrap();
    let values = [
        ("name", env!("CARGO_PKG_NAME")),
        ("version", env!("CARGO_PKG_VERSION")),
        ("repo", env!("CARGO_PKG_REPOSITORY")),
        ("target", &host()),
        ("bin", "netpolc"),
        ("binary-ext", std::env::consts::EXE_SUFFIX),
    ];
    let filled = |text: String, (name, value): &(&str, &str)| text.replace(&format!("{{ {name} }}"), value);
    let text = values.iter().fold(template.to_owned(), filled);
    assert!(!text.contains(['{', '}']), "{template}: cargo-binstall does not know this");
    text
}

/// Where a release is published, and the pages name it so.
#[test]
fn binstall_asks_for_what_a_release_holds() {
    let (name, version, target) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), host());
    let url = format!("{}/releases/download/v{version}/", env!("CARGO_PKG_REPOSITORY"));
    assert_eq!(binstall("pkg-url"), format!("{url}{name}-{version}-{target}.tar.gz"));
    assert_eq!(binstall("bin-dir"), format!("{name}-{version}-{target}/netpolc{}", std::env::consts::EXE_SUFFIX));
    assert_eq!(binstall("pkg-fmt"), "tgz");
    let page = fs::read_to_string(repo().join("docs/install.md")).unwrap();
    assert!(page.contains(&format!("{name}-{version}-{SHOWN}.tar.gz")));
}

fn holds_what_it_should(files: &BTreeMap<PathBuf, Vec<u8>>) {
    let bin = PathBuf::from(binstall("bin-dir"));
    let folder = bin.parent().unwrap();
    let names: Vec<&str> = files.keys().map(|path| path.strip_prefix(folder).unwrap().to_str().unwrap()).collect();
    let completions = ["completions/_netpolc", "completions/netpolc.bash", "completions/netpolc.fish"];
    let expected = [&["LICENSE-APACHE", "LICENSE-MIT", "README.md"][..], &completions, &["man/netpolc.1", "netpolc"]];
    assert_eq!(names, expected.concat());
    assert!(files.values().all(|bytes| !bytes.is_empty()));
    assert_eq!(files[&folder.join("LICENSE-MIT")], fs::read(repo().join("LICENSE-MIT")).unwrap());
}

/// No program header asks for an interpreter, which is how a dynamic binary finds its libraries (elf(5): `PT_INTERP` is 3).
fn is_static(binary: &[u8]) {
    assert_eq!(&binary[..6], b"\x7fELF\x02\x01", "64 bits, little endian");
    let number = |at: usize, bytes: usize| {
        binary[at..at + bytes].iter().rev().fold(0, |sum, byte| sum * 256 + usize::from(*byte))
    };
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    assert!(count > 0 && (0..count).all(|header| number(table + header * size, 4) != 3), "the binary is dynamic");
}

/// The binary does its work where there is nothing else: no library, no shell, no /etc, no time zones.
fn works_alone(binary: &[u8]) {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("netpolc"), binary).unwrap();
    output(Command::new("chmod").arg("755").arg(root.path().join("netpolc")));
    // Only root may change its root. In a namespace of its own everybody is, where the kernel allows that.
    let alone = |args: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "chroot"]).arg(root.path()).arg("/netpolc").args(args).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    };
    if !alone(&["--version"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: an empty root (unshare and chroot are not allowed here)");
        return;
    }
    for args in [&["init", "project"][..], &["build", "project/intents"], &["build", "--check", "project/intents"]] {
        output(&mut alone(args));
    }
    assert!(root.path().join("project/out/cilium/allow/backend.yaml").is_file());
}
