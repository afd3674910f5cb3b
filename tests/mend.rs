//! Generated intents, written carelessly: ranges, ports and names in other spellings, entries and edges twice, lists in any order,
//! white space and comments anywhere. Mended they say what careful ones say, to the byte of every policy, and keep every comment.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::support::Project;
use camino::{Utf8Path, Utf8PathBuf};
use jiff::civil::date;
use netpolc::checks::{self, Context, Settings};
use netpolc::diag::{Diagnostic, Diagnostics, Fix, Level};
use netpolc::dialects::review;
use netpolc::intent::{Outcome, mend};
use netpolc::lower::lower;
use netpolc::model::Model;
use netpolc::pipeline::{Project as Loaded, compile};
use netpolc::source::find_root;
use proptest::prelude::*;

const INTENT: &str = "intents/case.toml";

const SETTINGS: &str = r#"dialects = ["cilium", "kubernetes"]

[cluster]
scrapers = { namespace = "monitoring", pods = { app = "prometheus" } }

[lints]
NP507 = "warning"

[approximate]
kubernetes = ["fqdns-omitted"]
"#;

/// Entries of a list, each with the spellings that it may be given; the first is the right one.
type Entries = &'static [&'static [&'static str]];

const RANGES: Entries = &[
    &[r#""198.51.100.0/24""#, r#""198.51.100.0/255.255.255.0""#, "' 198.51.100.0/24'"],
    &["'203.0.113.0/24'"],
    &[r#""2001:db8::/32""#, r#""2001:DB8::/32""#, "'2001:0db8::/32'"],
];
const HOSTS: Entries = &[&["'*.example.org'"], &[r#""api.example.com""#, r#""API.Example.com""#, "'api.example.com.'"]];
const PORTS: Entries =
    &[&[r#""80""#, r#""80/tcp""#, "'TCP/80'"], &[r#""443/UDP""#, r#""udp / 443""#], &[r#""8000-8100""#]];
const NAMESPACES: Entries = &[&[r#""back""#], &["'front'"]];
const ENDS: Entries = &[&["'bank'"], &[r#""db""#], &[r#""internet""#]];

/// How a list is written: which entries it has twice, in which spelling each is, and what stands behind it.
#[derive(Debug, Clone)]
struct List {
    entries: Vec<(usize, usize, u8)>,
    shift: usize,
    trailing: bool,
}

fn lists() -> impl Strategy<Value = List> {
    (prop::collection::vec((0_usize..6, 0_usize..6, 0_u8..12), 6), 0_usize..3, any::<bool>())
        .prop_map(|(entries, shift, trailing)| List { entries, shift, trailing })
}

impl List {
    /// All entries in some order, and up to two of them once more where that is a finding.
    fn text(&self, of: Entries, twice: bool) -> String {
        let mut chosen = of.to_vec();
        chosen.rotate_left(self.shift % of.len());
        if twice {
            chosen.extend(self.entries.iter().take(self.shift).map(|(which, ..)| of[which % of.len()]));
        }
        let mut text = "[".to_owned();
        for (place, entry) in chosen.iter().enumerate() {
            let (_, spelling, style) = self.entries[place];
            text.push_str(entry[spelling % entry.len()]);
            if place + 1 < chosen.len() || self.trailing {
                text.push_str(if style % 3 == 0 { " ," } else { "," });
            }
            text.push_str(match style {
                0..=4 => " ",
                5..=6 => "\n  ",
                7..=8 => " # @\"',]\n  ",
                9 => "\n  # @ own\n",
                10 => "\n\n",
                _ => "",
            });
        }
        text + "]"
    }
}

#[derive(Debug, Clone)]
struct Case {
    lists: Vec<List>,
    /// Edges in the order of the file, some of them again, and how each is written.
    edges: Vec<(usize, u8)>,
    inline: bool,
    crlf: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let again = prop::collection::vec((0_usize..3, 0_u8..5), 0..5);
    let edges = (again, prop::collection::vec(0_u8..5, 3)).prop_map(|(mut edges, styles)| {
        edges.extend(styles.into_iter().enumerate());
        edges
    });
    (prop::collection::vec(lists(), 8), edges, any::<bool>(), any::<bool>())
        .prop_map(|(lists, edges, inline, crlf)| Case { lists, edges, inline, crlf })
}

/// Keys of an edge. One line in `why` looks like the beginning of a table, another like a comment.
fn edge(number: usize) -> [&'static str; 3] {
    match number {
        0 => ["from = \"web\"", "to = 'api'", "why = \"a # b\""],
        1 => ["from = ['api']", "to = \"db\"", "why = \"\"\"\n[[allow]]\\\n\"\"\""],
        _ => ["from = 'db'", "to = ['bank']", "why = '''x'''"],
    }
}

impl Case {
    fn edges(&self) -> String {
        let one = |(number, style): &(usize, u8)| {
            let keys = edge(*number);
            match (self.inline, style) {
                (true, 0) => format!("  {{ {} }},\n", keys.join(", ")),
                (true, 1) => format!(" {{ {} }} , # @ behind\n", keys.join(",")),
                (true, 2) => format!("  # @ above\n  {{ {} }}, ", keys.join(", ")),
                (true, _) => format!("  {{ {} # @ in\n }},\n", keys.join(",\n  ")),
                (false, 0) => format!("[[allow]]\n{}\n\n", keys.join("\n")),
                (false, 1) => format!("[[allow]] # @ header\n{}\n", keys.join(" # @ value\n")),
                (false, 2) => format!("# @ above\n[[allow]]\n{}\n", keys.join("\n")),
                (false, _) => format!("[[ allow ]]\n  # @ in\n{}\n\n\n", keys.join("\n\n")),
            }
        };
        self.edges.iter().map(one).collect()
    }

    fn text(&self) -> String {
        let list = |place: usize, of, twice| self.lists[place].text(of, twice);
        let (before, behind) = match self.inline {
            true => (format!("allow = [\n{}]\n", self.edges()), String::new()),
            false => {
                let (ends, ports) = (list(6, ENDS, true), list(7, PORTS, true));
                let several = format!("[[allow]]\nfrom = \"web\"\nto = {ends}\nports = {ports}\nwhy = \"several\"\n");
                (String::new(), several + &self.edges())
            }
        };
        let text = format!(
            "app = \"case\"\n{before}[tiers]\n\
             web = {{ namespace = {}, pods = {{ app = \"web\" }} }}\n\
             api = {{ namespace = \"back\", pods = {{ app = \"api\" }}, ports = {}, metrics = {} }} # @ api\n\
             db.namespace = \"back\"\ndb.pods = {{ app = 'db' }}\ndb.ports = {}\n\
             [external.bank]\ncidrs = {}\nfqdns = {}\nports = [443]\n{behind}",
            list(0, NAMESPACES, false),
            list(1, PORTS, true),
            list(2, PORTS, true),
            list(3, PORTS, true),
            list(4, RANGES, true),
            list(5, HOSTS, false),
        );
        if self.crlf { text.replace('\n', "\r\n") } else { text }
    }

    /// The same, written carefully.
    fn careful(&self) -> Self {
        let plain = List { entries: vec![(0, 0, 0); 6], shift: 0, trailing: false };
        Self { lists: vec![plain; 8], edges: vec![(0, 0), (1, 0), (2, 0)], crlf: false, ..self.clone() }
    }
}

type Texts = Vec<BTreeMap<Utf8PathBuf, Arc<str>>>;

/// What is found in a text, and what is built from it where nothing is wrong.
fn found(project: &Project, text: &str, build: bool) -> (Vec<Diagnostic>, Option<Texts>) {
    let mut root = find_root(&[], Utf8Path::from_path(project.dir()).unwrap()).unwrap();
    root.instead.insert(INTENT.into(), text.to_owned());
    let mut diags = Diagnostics::default();
    let mut loaded = Loaded::load(root, &mut diags).unwrap();
    let models: Vec<Model> = loaded.models(None, &mut diags);
    let contexts: Vec<Context<'_>> = models.iter().map(|model| Context::new(model, date(2026, 1, 1))).collect();
    for outcome in checks::run(&contexts, &Settings::new(Level::Error)) {
        diags.extend(outcome.diagnostics);
    }
    let mut sources = std::mem::take(&mut loaded.sources);
    let texts = models.first().filter(|_| build && !diags.has_errors()).map(|model| {
        let (reviewed, policies) = (review(model, &loaded.dialects), lower(model));
        let build = |dialect| compile(&loaded, &mut sources, model, &policies, dialect, &reviewed).unwrap().files;
        loaded.dialects.iter().copied().map(build).collect()
    });
    (diags.into_sorted(&sources), texts)
}

/// Mends until nothing is left to mend.
fn mended(project: &Project, mut text: String) -> (String, Vec<Diagnostic>) {
    for _ in 0..8 {
        let (list, _) = found(project, &text, false);
        let fixes: Vec<&Fix> = list.iter().filter_map(|diagnostic| diagnostic.fix.as_ref()).collect();
        let done = mend(&text, &fixes).unwrap();
        if done.outcomes.iter().all(|outcome| *outcome == Outcome::Never) {
            assert_eq!(done.text, text);
            return (text, list);
        }
        assert!(done.outcomes.contains(&Outcome::Done));
        text = done.text;
    }
    panic!("there is no end to it:\n{text}");
}

fn comments(text: &str) -> Vec<&str> {
    let mut comments: Vec<&str> = text.lines().filter_map(|line| Some(&line[line.find("# @")?..])).collect();
    comments.sort_unstable();
    comments
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn careless_intents_become_careful_ones(case in cases()) {
        let project = Project::new();
        project.write("netpolc.toml", SETTINGS);
        project.write(INTENT, "");
        let text = case.text();
        let (after, left) = mended(&project, text.clone());
        let codes: Vec<&str> = left.iter().map(|found| found.code.0).filter(|code| *code != "NP507").collect();
        prop_assert!(codes.is_empty(), "{codes:?}\n{text}\n->\n{after}");
        prop_assert!(comments(&after) == comments(&text), "{text}\n->\n{after}");
        prop_assert!(!case.crlf || after.matches('\n').count() == after.matches("\r\n").count());
        let careful = found(&project, &case.careful().text(), true).1;
        prop_assert!(careful.is_some());
        prop_assert!(found(&project, &after, true).1 == careful, "{text}\n->\n{after}");
    }
}
