//! A build that changes little compiles little: it prints and writes what it would if it compiled everything.
//!
//! Two projects go through the same changes, side by side. In one of them everything is compiled, each time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use netpolc::diag::Diagnostics;
use netpolc::dialects::{REGISTRY, review};
use netpolc::lower::Lowering;
use netpolc::pipeline::{Again, Project as Loaded, outline};
use netpolc::source::find_root;

use crate::mesh::generator::mesh;
use crate::support::{Project, netpolc, netpolc_whole, tree};

const GUARD: &str = "app = \"guard\"\n[tiers]\nx = { namespace = \"guarded\", pods = { app = \"x\" }, ports = [80] }\n\
     [[forbid]]\nfrom = \"x\"\nto = \"internet\"\ntransitive = true\nwhy = \"it must not\"\n";
const CALLED: &str =
    "app = \"called\"\n[tiers]\ny = { namespace = \"called\", pods = { app = \"y\" }, ports = [80] }\n";
/// It names pods that do not name it.
const CALLER: &str = "app = \"caller\"\n[tiers]\nz = { namespace = \"caller\", pods = { app = \"z\" } }\n\
     [peers]\ny = { namespace = \"called\", pods = { app = \"y\" } }\n\
     [[allow]]\nfrom = \"z\"\nto = \"y\"\nports = [80]\nwhy = \"it asks\"\n\
     [external]\npartner = { cidrs = [\"203.0.113.0/24\"], ports = [443] }\n\
     [[allow]]\nfrom = \"z\"\nto = \"partner\"\nwhy = \"it pays\"\n";
const APP: &str = "intents/app-00003.toml";
const FILE: &str = "out/kubernetes/allow/guarded.yaml";

/// One project in parts, and one as a whole.
struct Both([Project; 2]);

impl Both {
    fn new() -> Self {
        let both = Self([Project::new(), Project::new()]);
        for (name, text) in mesh(30, 90, 5) {
            both.write(&format!("intents/{name}"), &text);
        }
        both.write("intents/called.toml", CALLED);
        both.write("intents/caller.toml", CALLER);
        both.write(
            "netpolc.toml",
            "[cluster.guards]\nmetadata-deny = true\n[approximate]\nkubernetes = [\"guards-omitted\"]\n",
        );
        both.write("intents/guard.toml", GUARD);
        both
    }

    fn write(&self, path: &str, text: &str) {
        self.0.iter().for_each(|project| project.write(path, text));
    }

    fn edit(&self, path: &str, how: impl Fn(String) -> String) {
        self.0.iter().for_each(|project| project.write(path, how(project.read(path))));
    }

    fn remove(&self, path: &str) {
        self.0.iter().for_each(|project| fs::remove_file(project.dir().join(path)).unwrap());
    }

    /// Runs both, which must say and leave the same, and gives what they printed.
    fn run(&self, what: &str, args: &[&str], code: i32) -> String {
        let Self([part, whole]) = self;
        let (part, whole) = (netpolc(part.dir(), args), netpolc_whole(whole.dir(), args));
        assert_eq!(part.stderr, whole.stderr, "{what} {args:?}");
        assert_eq!(part.stdout, whole.stdout, "{what} {args:?}");
        assert_eq!((part.code, whole.code), (code, code), "{what} {args:?}: {}", part.stderr);
        let told = part.stdout;
        let [part, whole] = self.0.each_ref().map(|project| tree(&project.dir().join("out")));
        assert!(part == whole, "{what} {args:?}");
        told
    }

    /// What a build changes, checked and done; then what intents allow that are chosen where nothing changes.
    fn build(&self, what: &str) -> String {
        let told = self.build_chosen(what, &[]);
        for chosen in [APP, "intents/caller.toml"] {
            assert!(self.run(what, &["build", chosen], 0).contains("nothing changes; "));
        }
        self.run(what, &["verify"], 0);
        told
    }

    /// The same, of which only what is about chosen intents is told.
    fn build_chosen(&self, what: &str, chosen: &[&str]) -> String {
        self.run(what, &[&["build", "--check"], chosen].concat(), 1);
        self.run(what, &[&["build"], chosen].concat(), 0)
    }
}

#[test]
fn what_little_changes_is_told_and_written_as_by_the_whole() {
    let both = Both::new();
    both.build("the first build");
    both.edit(APP, |text| {
        text.replacen(
            "[tiers]\n",
            "[tiers]\nextra = { namespace = \"mesh-00003\", pods = { app = \"extra\" }, ports = [80] }\n",
            1,
        )
    });
    assert!(both.build("a tier added").contains("extra"));
    both.edit("intents/guard.toml", |text| text.replacen("app = \"x\" }", "app = \"x\" }, metrics = [9090]", 1));
    let told = both.build_chosen("metrics, of others", &[APP]);
    assert!(told.contains("of other intents change too") && !told.contains("9090"), "{told}");
    both.edit("intents/app-00004.toml", |text| {
        let (_, service) = text.split_once("svc-").unwrap();
        let service = service.get(..6).unwrap();
        format!("{text}\n[[allow]]\nfrom = \"svc-{service}\"\nto = \"app-00003/extra\"\nwhy = \"new\"\n")
    });
    let told = both.build_chosen("an edge added, to what is chosen", &[APP]);
    assert!(told.contains("→ mesh-00003/extra"), "{told}");
    both.edit("intents/app-00004.toml", |text| text.rsplit_once("\n[[allow]]").unwrap().0.to_owned());
    both.build_chosen("an edge removed, by one of all", &["intents"]);
    assert!(both.run("all of them", &["build", "intents"], 0).contains("nothing changes; "));
    both.edit(APP, |text| format!("{text}\n[external]\noutside = {{ cidrs = [\"203.0.113.0/24\"], ports = [443] }}\n"));
    both.edit(APP, |text| format!("{text}[[allow]]\nfrom = \"extra\"\nto = \"outside\"\nwhy = \"new\"\n"));
    both.build("an external added");
    both.remove("intents/called.toml");
    assert!(both.build("an app deleted").contains("caller/z → called/y"));
    both.write("intents/called.toml", CALLED);
    both.build("an app added");

    both.edit(FILE, |text| text + "# mine\n");
    both.run("an edited file", &["verify"], 0);
    both.edit(FILE, |text| text.replacen("app: x", "app: y", 1));
    both.run("an edited file", &["verify"], 1);
    both.run("an edited file", &["build", "--check"], 1);
    both.run("an edited file", &["build"], 1);
    both.run("an edited file", &["build", "--overwrite"], 0);
    both.remove(FILE);
    both.build("a file lost");
    both.write("out/kubernetes/mine.txt", "mine");
    both.run("a file of others", &["build", "--check"], 1);
    both.remove("out/kubernetes/mine.txt");
    both.remove("out/.netpolc.lock");
    both.edit(FILE, |text| text + "# mine\n");
    both.build("no lock");

    both.write("netpolc.toml", "dialects = [\"calico\", \"kubernetes\"]\n");
    both.build("a dialect and the guard gone");
    both.write("netpolc.toml", "[clusters.a]\n[clusters.b]\nstaged = false\n");
    both.run("clusters", &["build"], 0);
    both.edit("intents/caller.toml", |text| text.replacen("ports = [80]", "ports = [81]", 1));
    both.build_chosen("a port, in two clusters", &["intents/caller.toml"]);
    let template = fs::read_to_string(crate::support::repo().join("templates/calico/kustomization.yaml.j2"));
    both.write("templates/calico/kustomization.yaml.j2", &(template.unwrap() + "# listed\n"));
    both.build_chosen("a template", &[APP]);
}

/// That the other test compares two ways: a change is told from what it touches, and not from everything.
#[test]
fn an_excerpt_is_small_and_what_others_refer_to_has_none() {
    let both = Both::new();
    let Both([project, _]) = &both;
    let dir = Utf8PathBuf::from_path_buf(project.dir().to_owned()).unwrap();
    let mut diags = Diagnostics::default();
    let loaded = Loaded::load(find_root(&[], &dir).unwrap(), &mut diags).unwrap();
    let models = loaded.models(None, &mut diags);
    let model = models.first().unwrap();
    for dialect in REGISTRY {
        let mut sources = loaded.sources.clone();
        let reviewed = review(model, &[*dialect]);
        let outlines = [outline(&loaded, &mut sources, model, &Lowering::new(model), *dialect, &reviewed).unwrap()];
        let hashes = &outlines[0].hashes;
        let path = |name: &str| Utf8PathBuf::from(format!("{}/{name}", dialect.name()));
        let known = sources.clone();
        let again = Again::new(&outlines, &models, &known);
        let mut files_of = |name: &str| -> Option<BTreeSet<Utf8PathBuf>> {
            let path = path(name);
            let text = again.texts(&BTreeSet::from([path.as_path()]))?.remove(&path)?;
            let changed: BTreeMap<&Utf8Path, Option<&str>> = BTreeMap::from([(path.as_path(), Some(&*text))]);
            let excerpt = again.excerpt(&changed, "out".into(), &mut sources)?;
            Some(excerpt.iter().flat_map(|(done, _)| done.files.keys().cloned()).collect())
        };
        let files = files_of("allow/called.yaml").unwrap_or_else(|| panic!("{:?}", dialect.name()));
        assert!(files.contains(&path("allow/called.yaml")) && files.contains(&path("allow/caller.yaml")));
        assert!(files.len() < hashes.len() / 2, "{} of {}", files.len(), hashes.len());
        let shared =
            hashes.keys().filter(|path| path.as_str().contains("/guards/") || path.as_str().contains("externals/"));
        for path in shared.filter(|path| !path.ends_with("kustomization.yaml")) {
            assert!(files_of(path.as_str().split_once('/').unwrap().1).is_none(), "{path}");
        }
    }
}

/// Ends that no policy names: all pods, everything, namespaces by their labels.
#[test]
fn ends_that_are_not_named_are_told_as_by_the_whole() {
    let both = Both::new();
    both.write(
        "intents/wide.toml",
        "app = \"wide\"\n[tiers]\nw = { namespace = \"wide\", pods = { app = \"w\" } }\n\
         [peers]\nby-label = { namespace = { labels = { \"kubernetes.io/metadata.name\" = \"called\" } }, pods = { app = \"y\" } }\n\
         every = { namespace = { labels = { team = \"any\" } }, pods = \"all\" }\n\
         [[allow]]\nfrom = \"w\"\nto = \"cluster\"\nports = [80]\nwhy = \"it asks all\"\n\
         [[allow]]\nfrom = \"w\"\nto = \"by-label\"\nports = [81]\nwhy = \"it asks\"\n\
         [[allow]]\nfrom = \"w\"\nto = \"every\"\nports = [82]\nwhy = \"it asks\"\n",
    );
    both.build("the first build");
    for (what, from) in [("anywhere", "anywhere"), ("cluster", "cluster"), ("a caller", "wide/w")] {
        let ports = if from == "wide/w" { "[80, 81, 82]" } else { "[80]" };
        both.edit("intents/called.toml", |text| {
            format!("{text}[[allow]]\nfrom = \"{from}\"\nto = \"y\"\nports = {ports}\nwhy = \"{what}\"\n")
        });
        both.build(what);
    }
    both.write("intents/called.toml", CALLED);
    both.build("as before");
    both.edit("intents/wide.toml", |text| text.replace("ports = [81]", "ports = [83]").replace("[82]", "[84]"));
    both.build("other ports");
}
