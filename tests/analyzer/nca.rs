//! What the analyzer says: its connectivity map of many cases, from one run of its command.
//!
//! A map has a line for every pair of ends, pods or ranges of addresses, and every set of ports between them:
//! `ns/pod[Pod] => 192.0.2.0-192.0.2.9,192.0.2.11-192.0.2.255 : {protocols:TCP,dst_ports:80,443-445}`. It has what both
//! sides allow; so each case is asked three times, for one side with the policies of that side alone.

use std::collections::HashMap;
use std::fs;
use std::net::IpAddr;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::case::{Case, PROTOCOLS, Side, yaml};

/// The command.
pub const NAME: &str = "nca";

/// One side of one case: what it allows, by pair of ends.
#[derive(Default)]
pub struct Map(HashMap<(usize, usize), Vec<Connections>>);

/// Protocols and ports of one line.
#[derive(Clone)]
struct Connections {
    /// All but these.
    without: bool,
    cubes: Vec<Cube>,
}

#[derive(Clone)]
struct Cube {
    protocols: Vec<&'static str>,
    ports: Vec<(u16, u16)>,
}

impl Map {
    pub fn allows(&self, from: usize, to: usize, protocol: &str, port: u16) -> bool {
        let holds = |cube: &Cube| {
            cube.protocols.contains(&protocol)
                && cube.ports.iter().any(|(first, last)| (*first..=*last).contains(&port))
        };
        let lines = self.0.get(&(from, to)).map_or(&[] as &[Connections], Vec::as_slice);
        lines.iter().any(|line| line.cubes.iter().any(holds) != line.without)
    }
}

/// The maps of some cases, one for each side, in the order of [`Side::ALL`].
pub fn maps(cases: &[Case]) -> Vec<[Map; 3]> {
    let folder = tempfile::tempdir().unwrap();
    let (mut configurations, mut queries) = (vec![], vec![]);
    for case in cases {
        let cluster = format!("{}-cluster.yaml", case.number);
        fs::write(folder.path().join(&cluster), yaml(&case.cluster)).unwrap();
        for side in Side::ALL {
            let name = format!("{}-{}", case.number, side.name());
            fs::write(folder.path().join(format!("{name}.yaml")), yaml(&case.side(side))).unwrap();
            configurations.push(json!({ "name": name, "resourceList": [cluster, format!("{name}.yaml")] }));
            queries.push(json!({
                "name": name,
                "connectivityMap": [name],
                // Addresses of IPv6 otherwise are left out where no policy names one.
                "outputConfiguration": { "outputFormat": "txt_no_fw_rules", "excludeIPv6Range": false },
            }));
        }
    }
    let scheme = folder.path().join("scheme.yaml");
    let text = yaml(&[json!({ "networkConfigList": configurations, "queries": queries })]);
    fs::write(&scheme, text).unwrap();
    let output = Command::new(NAME).arg("--scheme").arg(&scheme).stdin(Stdio::null()).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{NAME} judged nothing\n{}", last_lines(&err));
    let mut sections: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut section = None;
    for line in out.lines() {
        if let Some(name) = line.strip_prefix("Running query ") {
            section = Some(name);
            sections.insert(name, vec![]);
        } else if line.starts_with("Query ") {
            section = None;
        } else if let Some(name) = section
            && line.contains(" => ")
        {
            sections.get_mut(name).unwrap().push(line);
        }
    }
    let of_side = |case: &Case, side: Side| {
        let name = format!("{}-{}", case.number, side.name());
        let lines = sections.get(name.as_str()).unwrap_or_else(|| panic!("no map of {name}\n{}", last_lines(&err)));
        map(case, lines)
    };
    cases.iter().map(|case| Side::ALL.map(|side| of_side(case, side))).collect()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

fn map(case: &Case, lines: &[&str]) -> Map {
    let mut map = Map::default();
    for line in lines {
        let (ends, connections) = line.split_once(" : ").unwrap_or_else(|| panic!("a line of a map: {line}"));
        let (from, to) = ends.split_once(" => ").unwrap();
        let connections = read(case, connections);
        for from in indices(case, from) {
            for to in indices(case, to) {
                map.0.entry((from, to)).or_default().push(connections.clone());
            }
        }
    }
    map
}

/// Which ends of a case one end of a line stands for.
fn indices(case: &Case, end: &str) -> Vec<usize> {
    if let Some(pod) = end.strip_suffix("[Pod]") {
        let index = case.pods.iter().position(|name| name == pod);
        return vec![index.unwrap_or_else(|| panic!("case {}: no pod {pod}", case.number))];
    }
    let mut indices = vec![];
    for range in end.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let [first, last] = [first, last].map(|text| {
            text.parse::<IpAddr>().unwrap_or_else(|_| panic!("case {}: neither pod nor address: {end}", case.number))
        });
        // What is asked about stands for all addresses only if nothing changes in between.
        let is_cut = |address: &IpAddr| case.address_cuts.contains(address);
        let after_last = match last {
            IpAddr::V4(last) => last.to_bits().checked_add(1).map(|bits| IpAddr::V4(bits.into())),
            IpAddr::V6(last) => last.to_bits().checked_add(1).map(|bits| IpAddr::V6(bits.into())),
        };
        assert!(is_cut(&first) && after_last.is_none_or(|after| is_cut(&after)), "case {}: {range}", case.number);
        let inside = |address: &IpAddr| (first..=last).contains(address);
        let found = case.addresses.iter().enumerate().filter(|(_, address)| inside(address));
        indices.extend(found.map(|(n, _)| case.pods.len() + n));
    }
    indices
}

fn read(case: &Case, text: &str) -> Connections {
    let (without, cubes) = match text {
        "All connections" => (true, ""),
        "No connections" => (false, ""),
        other => other.strip_prefix("All but ").map_or((false, other), |cubes| (true, cubes)),
    };
    let cubes =
        cubes.split_inclusive('}').map(|text| cube(text.trim_start_matches(','))).collect::<Option<Vec<Cube>>>();
    let cubes = cubes.unwrap_or_else(|| panic!("case {}: which connections are {text}?", case.number));
    // What is asked about stands for all ports only if nothing changes in between.
    let is_cut = |port| case.port_cuts.contains(&port);
    let is_asked = |(first, last): &(u16, u16)| is_cut(*first) && last.checked_add(1).is_none_or(is_cut);
    assert!(cubes.iter().flat_map(|cube| &cube.ports).all(is_asked), "case {}: {text}", case.number);
    Connections { without, cubes }
}

/// `{protocols:TCP, UDP,dst_ports:80,443-445}`, either of both left out.
fn cube(text: &str) -> Option<Cube> {
    let inner = text.strip_prefix('{')?.strip_suffix('}')?;
    let (protocols, ports) = match (inner.strip_prefix("dst_ports:"), inner.split_once(",dst_ports:")) {
        (Some(ports), _) => (None, Some(ports)),
        (None, Some((protocols, ports))) => (Some(protocols), Some(ports)),
        (None, None) => (Some(inner), None),
    };
    let protocols = match protocols {
        None => PROTOCOLS.to_vec(),
        Some(list) => {
            let list = list.strip_prefix("protocols:")?;
            let (but, list) = list.strip_prefix("all but ").map_or((false, list), |list| (true, list));
            let named: Vec<&str> = list.split(", ").collect();
            PROTOCOLS.into_iter().filter(|protocol| named.contains(protocol) != but).collect()
        }
    };
    let range = |range: &str| -> Option<(u16, u16)> {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    let ports = ports.map_or(Some(vec![(1, u16::MAX)]), |list| list.split(',').map(range).collect())?;
    Some(Cube { protocols, ports })
}

/// Where the analyzer stops at an object, what it says. For what is left out of the cases.
pub fn refusal(cluster: &[Value], policies: &[Value]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let [cluster_file, policies_file] = ["cluster.yaml", "policies.yaml"].map(|name| folder.path().join(name));
    fs::write(&cluster_file, yaml(cluster)).unwrap();
    fs::write(&policies_file, yaml(policies)).unwrap();
    let files = [cluster_file, policies_file];
    let args = ["--connectivity", "-r"];
    let output = Command::new(NAME).args(args).arg(&files[0]).arg("-r").arg(&files[1]).output().unwrap();
    (!output.status.success()).then(|| String::from_utf8(output.stderr).unwrap())
}
