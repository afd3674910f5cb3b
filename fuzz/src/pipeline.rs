//! The whole way: bytes to a project, and the project to policies of every dialect. What compiles was proved; it is the same
//! when it is built again, and `netpolc verify` agrees, which reads the files as anybody's. What does not compile says why,
//! and never that netpolc's own templates are at fault.

use std::fmt::Write as _;

use camino::Utf8PathBuf;
use netpolc::cluster;
use netpolc::diag::codes;
use netpolc::dialects::{self, Assumed};
use netpolc::lower::lower;
use netpolc::pipeline::{compile, given, permitted};
use netpolc::source::{FileId, Files};
use netpolc::verify;

use super::project::{check, tell};

pub fn run(data: &[u8]) {
    let files = Bytes(data).project();
    let mut checked = check(files.clone());
    if checked.diags.has_errors() || checked.models.is_empty() {
        return checked.tell();
    }
    let mut sources = std::mem::take(&mut checked.project.sources);
    for model in &checked.models {
        let reviewed = dialects::review(model, dialects::REGISTRY);
        let policies = lower(model);
        for dialect in dialects::REGISTRY {
            let compiled = compile(&checked.project, &mut sources, model, &policies, *dialect, &reviewed);
            let done = match compiled {
                Ok(done) => done,
                Err(errors) => {
                    tell(&errors, &sources);
                    let at_fault = [codes::TEMPLATE, codes::RENDERED, codes::PROOF];
                    let own = errors.iter().find(|error| at_fault.contains(&error.code));
                    assert!(own.is_none(), "{}: {}\n{}", dialect.name(), own.unwrap().message, shown(&files));
                    continue;
                }
            };
            let again = compile(&checked.project, &mut sources, model, &policies, *dialect, &reviewed).unwrap();
            assert_eq!(done.files, again.files, "{} was built otherwise the second time", dialect.name());

            let is_manifest = |path: &Utf8PathBuf| done.manifests.contains(path);
            let texts: Vec<FileId> =
                done.texts.iter().filter(|(path, _)| is_manifest(path)).map(|(_, id)| *id).collect();
            let inventory = cluster::read(&sources, &texts).unwrap();
            let read = given(inventory.policies, &inventory.namespaces, Some(*dialect), &Assumed::new());
            let read = read.unwrap_or_else(|errors| {
                panic!("{} cannot be read back: {}\n{}", dialect.name(), errors[0].message, shown(&files))
            });
            let permitted = permitted(model, *dialect);
            for reading in &read.readings {
                let proof =
                    verify::prove_as(reading.engine, model, dialect.capabilities(), &permitted, &reading.policies);
                if let Err(found) = proof {
                    let error = found[0].diagnostic_of_given(model, dialect.name());
                    panic!(
                        "{}, as {} reads it: {}\n{}",
                        dialect.name(),
                        reading.engine.name,
                        error.message,
                        shown(&files)
                    );
                }
            }
        }
    }
}

fn shown(files: &Files) -> String {
    files.iter().map(|(path, text)| format!("# {path}\n{}", String::from_utf8_lossy(text))).collect()
}

/// Bytes, each of which decides something; when there are no more, each decision is the first there is.
struct Bytes<'d>(&'d [u8]);

impl Bytes<'_> {
    /// One of so many.
    fn below(&mut self, n: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % n
    }

    /// True once in so many times.
    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    fn one<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.below(words.len())]
    }

    fn some(&mut self, words: &[&str], most: usize) -> Vec<String> {
        let mut out: Vec<String> = vec![];
        for _ in 0..=self.below(most) {
            let word = self.one(words).to_owned();
            if !out.contains(&word) {
                out.push(word);
            }
        }
        out
    }

    fn project(mut self) -> Files {
        let mut files = Files::new();
        let settings = self.settings();
        files.insert("netpolc.toml".into(), settings.into_bytes());
        let apps = 1 + self.below(3);
        let sizes: Vec<usize> = (0..apps).map(|_| 1 + self.below(4)).collect();
        for app in 0..apps {
            let intent = self.intent(app, &sizes);
            files.insert(format!("intents/app{app}.toml").into(), intent.into_bytes());
        }
        files
    }

    fn settings(&mut self) -> String {
        let mut out = String::new();
        // What people wrote hundreds of times passes; what a rule only warns of need not be waived here.
        out += "[approximate]\n";
        for dialect in ["kubernetes", "calico", "cilium"] {
            let lost = match (dialect, self.below(4)) {
                ("cilium", _) => "",
                ("calico", 0 | 1) => "\"http-as-l4\", \"fqdns-omitted\"",
                (_, 0 | 1) => "\"http-as-l4\", \"fqdns-omitted\", \"guards-omitted\"",
                (_, 2) => "\"http-as-l4\"",
                _ => "",
            };
            if !lost.is_empty() {
                let _ = writeln!(out, "{dialect} = [{lost}]");
            }
        }
        out += "[lints]\nNP201 = \"allow\"\nNP102 = \"warning\"\n";
        if self.once_in(3) {
            out += "[external]\nntp = { cidrs = [\"198.51.100.123/32\"], ports = [\"123/UDP\"] }\n";
        }
        out += "[cluster]\nshared-namespaces = [\"shared\"]\n";
        let _ = writeln!(out, "dns = {}", self.one(&["\"kube-dns\"", "\"node-local\"", "\"openshift\""]));
        if self.once_in(2) {
            out += "pod-cidrs = [\"10.0.0.0/8\", \"fd00:10::/32\"]\nservice-cidrs = [\"172.16.0.0/16\"]\nnode-cidrs = [\"192.168.0.0/20\"]\napi-server-cidrs = [\"192.168.16.1/32\"]\n";
        }
        for (key, chance) in [("staged", 6), ("log-denied", 4)] {
            if self.once_in(chance) {
                let _ = writeln!(out, "{key} = true");
            }
        }
        if self.once_in(3) {
            out += "scrapers = { namespace = \"monitoring\", pods = { app = \"scraper\" } }\n";
        }
        if self.once_in(3) {
            out += "[cluster.guards]\nmetadata-deny = true\n";
            if self.once_in(2) {
                out += "default-deny = { except = [\"default\", \"monitoring\", \"theirs\"] }\n";
            }
        }
        if self.once_in(6) {
            out += "[clusters.one]\nlog-denied = true\n[clusters.two]\nstaged = true\n";
        }
        out
    }

    fn intent(&mut self, app: usize, sizes: &[usize]) -> String {
        let mut out = format!("app = \"app{app}\"\n");
        if self.once_in(3) {
            out += "owner = \"a team\"\n";
        }
        if self.once_in(4) {
            out += "dns = false\n";
        }
        out += "[tiers]\n";
        for tier in 0..sizes[app] {
            let own = format!("\"ns{app}-{}\"", self.below(2));
            let namespace = match self.below(6) {
                4 => format!("[\"ns{app}-0\", \"ns{app}-1\"]"),
                5 => "\"shared\"".to_owned(),
                _ => own,
            };
            let pods = match self.below(8) {
                6 => "\"all\"".to_owned(),
                7 => format!("{{ app = \"a{app}-{tier}\", \"example.com/no\" = \"y\", \"tier\" = \"1e3\" }}"),
                5 => format!("{{ app{app} = \"t{tier}\" }}"),
                _ => format!("{{ app = \"a{app}-{tier}\" }}"),
            };
            let _ = write!(out, "t{tier} = {{ namespace = {namespace}, pods = {pods}");
            match self.below(4) {
                0 => out += ", ports = [80]",
                1 => out += ", ports = { http = 8080, dns = \"53/UDP\" }",
                2 => out += ", ports = [\"all\"]",
                _ => {
                    let ports = self.ports();
                    let _ = write!(out, ", ports = [{ports}]");
                }
            }
            if self.once_in(3) {
                out += ", metrics = [9090]";
            }
            if self.once_in(6) {
                out += ", dns = false";
            }
            if self.once_in(6) {
                let _ = write!(out, ", accepts = [\"app{}\"]", self.below(3));
            }
            out += " }\n";
        }
        out += "[peers]\n";
        for peer in 0..self.below(3) {
            let namespace = match self.below(4) {
                0 => "\"all\"".to_owned(),
                1 => "{ labels = { team = \"other\" } }".to_owned(),
                _ => "\"theirs\"".to_owned(),
            };
            let pods = self.one(&["{ app = \"peer\" }", "\"all\"", "{ app = \"a0-0\", x = \"\" }"]);
            let _ = writeln!(out, "p{peer} = {{ namespace = {namespace}, pods = {pods}, ports = [7000] }}");
        }
        out += "[external]\n";
        for external in 0..self.below(3) {
            out += &self.external(external);
        }
        for _ in 0..self.below(8) {
            out += &self.edge(app, sizes);
        }
        for _ in 0..self.below(2) {
            let (from, to) = (self.end(app, sizes), self.end(app, sizes));
            let transitive = if self.once_in(2) { "transitive = true\n" } else { "" };
            let _ = write!(out, "[[forbid]]\nfrom = \"{from}\"\nto = \"{to}\"\n{transitive}");
        }
        out
    }

    fn external(&mut self, n: usize) -> String {
        const RANGES: [&str; 8] = [
            "\"203.0.113.0/24\"",
            "\"198.51.100.0/25\"",
            "\"198.51.100.128/25\"",
            "\"2001:db8::/32\"",
            "\"203.0.113.64/26\"",
            "\"0.0.0.0/0\"",
            "\"::/0\"",
            "\"192.0.2.1/32\"",
        ];
        const HOLES: [&str; 4] =
            ["\"203.0.113.0/28\"", "\"203.0.113.128/25\"", "\"2001:db8:1::/48\"", "\"198.51.100.0/32\""];
        let mut parts = vec![];
        if !self.once_in(4) {
            parts.push(format!("cidrs = [{}]", self.some(&RANGES, 4).join(", ")));
            if self.once_in(2) {
                parts.push(format!("except = [{}]", self.some(&HOLES, 3).join(", ")));
            }
        }
        if parts.is_empty() || self.once_in(3) {
            let hosts = self.some(&["\"api.example.com\"", "\"*.example.com\"", "\"api.example.org\""], 2);
            parts.push(format!("fqdns = [{}]", hosts.join(", ")));
        }
        for word in ["private = true", "metadata = true"] {
            if self.once_in(2) {
                parts.push(word.to_owned());
            }
        }
        format!("x{n} = {{ {}, ports = [443] }}\n", parts.join(", "))
    }

    fn ports(&mut self) -> String {
        const PORTS: [&str; 9] = [
            "80",
            "443",
            "\"53/UDP\"",
            "\"8000-8100/TCP\"",
            "\"9000/SCTP\"",
            "\"all/UDP\"",
            "65535",
            "1",
            "\"8050-9000/TCP\"",
        ];
        self.some(&PORTS, 4).join(", ")
    }

    /// A name of an end, mostly one that there is.
    fn end(&mut self, app: usize, sizes: &[usize]) -> String {
        match self.below(12) {
            0..=4 => format!("t{}", self.below(sizes[app])),
            5 | 6 => {
                let other = self.below(sizes.len());
                let tier = self.below(sizes[other]);
                if other == app { format!("t{tier}") } else { format!("app{other}/t{tier}") }
            }
            7 => format!("p{}", self.below(2)),
            8 => format!("x{}", self.below(2)),
            9 => self.one(&["internet", "anywhere"]).to_owned(),
            10 => self.one(&["cluster", "nodes", "kube-apiserver"]).to_owned(),
            _ => self.one(&["ntp", "anywhere"]).to_owned(),
        }
    }

    fn edge(&mut self, app: usize, sizes: &[usize]) -> String {
        let (from, to) = (self.end(app, sizes), self.end(app, sizes));
        let mut out = format!("[[allow]]\nfrom = \"{from}\"\nto = \"{to}\"\nwhy = \"an edge\"\n");
        match self.below(4) {
            1 => {
                let ports = self.ports();
                let _ = writeln!(out, "ports = [{ports}]");
            }
            2 if self.once_in(2) => out += "ports = [\"all\"]\n",
            _ => {}
        }
        if self.once_in(4) {
            let rules = self.some(
                &[
                    "{ method = \"GET\", path = \"/products/.*\" }",
                    "{ path = \"/\" }",
                    "{ method = \"POST\" }",
                    "{ method = \"GET\", path = \"/[a-z]+\", headers = { X-Tenant = \"blue\" } }",
                ],
                3,
            );
            let _ = writeln!(out, "http = [{}]", rules.join(", "));
        }
        out
    }
}
