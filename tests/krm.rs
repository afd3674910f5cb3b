//! `netpolc krm` as its orchestrators meet it: the contract by hand, case by case to the letter, then kustomize and kpt themselves.
//!
//! A case is a folder below `tests/krm`: a project, `in.yaml` for standard input, and what comes out, `expected.txt`: the exit
//! code, standard error, standard output. `NETPOLC_UPDATE=1 cargo test --test it krm::` writes what is seen now.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod contract;
mod kpt;
mod kustomize;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Project, Run};
use serde_yaml::Value;

/// Nothing here takes so long; what hangs shall not hang for ever.
const TIMEOUT: Duration = Duration::from_secs(300);

const INTENT: &str = "app = \"shop\"\n[tiers]\nweb = { namespace = \"front\", pods = { app = \"web\" }, ports = [80] }\n\
                      [[allow]]\nfrom = \"anywhere\"\nto = \"web\"\nwhy = \"public\"\n";

/// Runs a command with a text on standard input, to its end.
fn run(command: &mut Command, stdin: &[u8]) -> Run {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.env_remove("CLICOLOR_FORCE").env("NO_COLOR", "1").spawn().unwrap();
    let (mut pipe, text) = (child.stdin.take().unwrap(), stdin.to_owned());
    // Whoever refuses what comes may stop reading.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&text)));
    fn read(mut from: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
        std::thread::spawn(move || {
            let mut bytes = vec![];
            from.read_to_end(&mut bytes).unwrap();
            bytes
        })
    }
    let (stdout, stderr) = (read(child.stdout.take().unwrap()), read(child.stderr.take().unwrap()));
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() > TIMEOUT => {
                child.kill().unwrap();
                panic!("{command:?} does not end");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    writer.join().unwrap();
    let text = |bytes: std::thread::JoinHandle<Vec<u8>>| String::from_utf8(bytes.join().unwrap()).unwrap();
    Run { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
}

/// Runs the function.
fn krm(dir: &Path, args: &[&str], stdin: impl AsRef<[u8]>) -> Run {
    run(Command::new(env!("CARGO_BIN_EXE_netpolc")).arg("krm").args(args).current_dir(dir), stdin.as_ref())
}

/// What an orchestrator sends: items, each with its dash, and the lines of `spec`.
fn sent(items: &str, spec: &str) -> String {
    let items = if items.is_empty() { "items: []\n".to_owned() } else { format!("items:\n{items}") };
    format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n{items}functionConfig:\n  \
         apiVersion: netpolc.dev/v1alpha1\n  kind: NetworkPolicies\n  metadata:\n    name: shop\n  spec: {spec}\n"
    )
}

/// A list as another reader of YAML sees it.
fn list(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn items(list: &Value) -> Vec<Value> {
    list["items"].as_sequence().unwrap().clone()
}

/// Documents of a stream.
fn documents(text: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).unwrap()).collect()
}

/// A project of one app.
fn project() -> Project {
    let project = Project::new();
    project.write("intents/app.toml", INTENT);
    project
}

/// Writes what kustomize runs, as it gives no arguments: `path` of the function.
fn wrapper(project: &Project, path: &str) -> PathBuf {
    let script = format!("#!/bin/sh\nexec '{}' krm\n", env!("CARGO_BIN_EXE_netpolc"));
    project.write(path, script);
    let path = project.dir().join(path);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).unwrap();
    path
}
