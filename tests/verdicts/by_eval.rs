//! What `netpolc eval` says of a recorded case: through the binary, in the form in which other programs take it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A flow: source, destination, probe.
type Flow = (String, String, String);

/// What is asked of a flow.
pub const SIDES: [&str; 3] = ["egress", "ingress", "allowed"];

pub struct Recorded {
    pub name: String,
    folder: PathBuf,
    /// What each engine, or each setting of one, said.
    pub said: Vec<Value>,
}

impl Recorded {
    /// The cases of a folder, by name; `is_verdict` chooses the files of what was said.
    pub fn all(folder: &Path, is_verdict: impl Fn(&str) -> bool) -> Vec<Self> {
        let list = |folder: &Path| -> BTreeSet<PathBuf> {
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
        };
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let read = |path: PathBuf| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        list(folder)
            .into_iter()
            .map(|folder| {
                let said = list(&folder).into_iter().filter(|path| is_verdict(&name(path))).map(read).collect();
                Self { name: name(&folder), folder, said }
            })
            .collect()
    }

    /// What was said of each side of each flow: the verdicts of all who were asked, none where there is no such flow.
    pub fn verdicts(&self) -> BTreeMap<(&'static str, Flow), BTreeSet<bool>> {
        let mut verdicts: BTreeMap<_, BTreeSet<bool>> = BTreeMap::new();
        for said in &self.said {
            let words = |key: &str| -> Vec<String> {
                said[key].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
            };
            let (ends, probes) = (words("endpoints"), words("probes"));
            for side in SIDES.into_iter().filter(|side| said.get(side).is_some()) {
                for probe in &probes {
                    for (i, source) in ends.iter().enumerate() {
                        let row = said[side][probe][i].as_str().unwrap().as_bytes();
                        for (j, destination) in ends.iter().enumerate() {
                            let flow = (source.clone(), destination.clone(), probe.clone());
                            let of_flow = verdicts.entry((side, flow)).or_default();
                            match row[j] {
                                b'-' => {}
                                sign => _ = of_flow.insert(sign == b'1'),
                            }
                        }
                    }
                }
            }
        }
        verdicts
    }

    /// What `netpolc eval` says: every flow with its sides.
    pub fn evaluate(&self, more: &[&str]) -> Result<BTreeMap<Flow, Value>, String> {
        let said = &self.said[0];
        let words = |key: &str| said[key].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
        let probes: Vec<&str> = words("probes").collect();
        let mut command = netpolc();
        command.arg(self.folder.join("cluster.yaml")).arg(self.folder.join("policies.yaml"));
        command.args(["--format", "json", "--probe", &probes.join(",")]).args(more);
        for end in words("endpoints").filter(|end| end.contains(':')) {
            // The proxy had learned the name's address.
            let end = match end.strip_prefix("fqdn:") {
                Some(name) => format!("{end}={}", said["resolves"][name].as_str().unwrap()),
                None => end.to_owned(),
            };
            command.args(["--endpoint", &end]);
        }
        let Output { status, stdout, stderr } = command.output().unwrap();
        if !status.success() {
            return Err(String::from_utf8_lossy(&stderr).into_owned());
        }
        let answer: Value = serde_json::from_slice(&stdout).unwrap();
        let word = |flow: &Value, key: &str| flow[key].as_str().unwrap().to_owned();
        let flows = answer["flows"].as_array().unwrap().iter();
        Ok(flows.map(|flow| ((word(flow, "src"), word(flow, "dst"), word(flow, "probe")), flow.clone())).collect())
    }

    /// What it says otherwise than was recorded, where a flow on which those who were asked differ is ambiguous; and how
    /// many verdicts were compared.
    pub fn differences(&self, more: &[&str]) -> (Vec<String>, usize) {
        let flows = match self.evaluate(more) {
            Ok(flows) => flows,
            Err(message) => return (vec![format!("{}: refused: {message}", self.name)], 0),
        };
        let (mut wrong, mut compared) = (vec![], 0);
        for ((side, flow), said) in self.verdicts() {
            let expected = match said.iter().collect::<Vec<_>>().as_slice() {
                [] => Value::Null,
                [one] => Value::Bool(**one),
                _ => Value::from("ambiguous"),
            };
            compared += 1;
            let saw = &flows[&flow][side];
            if *saw != expected {
                let (source, destination, probe) = flow;
                wrong.push(format!(
                    "{}: {side} of {source} -> {destination} {probe}: {saw}, recorded {expected}",
                    self.name
                ));
            }
        }
        (wrong, compared)
    }
}

/// Whether one object is taken, and what is said if it is not.
pub fn accepts(file: &Path) -> Result<(), String> {
    let Output { status, stderr, .. } = netpolc().arg(file).output().unwrap();
    let message = String::from_utf8_lossy(&stderr).into_owned();
    match status.code() {
        Some(0) => Ok(()),
        Some(1) => {
            let place = format!("{}:", file.display());
            assert!(message.contains(&place), "no place in {message}");
            Err(message)
        }
        other => panic!("{}: {other:?}: {message}", file.display()),
    }
}

fn netpolc() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netpolc"));
    command.arg("eval");
    command
}
