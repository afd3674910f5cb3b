//! Changes of intents and of the project file, and what each may cut for one apply.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::objects::{Objects, render};

pub struct Change {
    pub name: &'static str,
    /// `None`: nothing was ever applied.
    before: Option<Files>,
    after: Files,
    /// Dialects in which flows that stay allowed may be cut for one apply.
    pub cuts: &'static [&'static str],
    /// Dialects in which something may pass that passes neither before nor after.
    pub opens: &'static [&'static str],
}

type Files = Vec<(&'static str, String)>;

impl Change {
    pub fn before(&self, dialect: &str) -> Option<Objects> {
        self.before.as_ref().map_or(Some(Objects::new()), |files| build(files, dialect))
    }

    pub fn after(&self, dialect: &str) -> Option<Objects> {
        build(&self.after, dialect)
    }
}

fn build(files: &Files, dialect: &str) -> Option<Objects> {
    /// Most changes begin with the same files.
    static BUILT: Mutex<BTreeMap<(Files, String), Option<Objects>>> = Mutex::new(BTreeMap::new());
    let key = (files.clone(), dialect.to_owned());
    if let Some(built) = BUILT.lock().unwrap().get(&key) {
        return built.clone();
    }
    let built = render(&files.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>(), dialect);
    BUILT.lock().unwrap().insert(key, built.clone());
    built
}

const SHOP: &str = r#"app = "shop"
owner = "storefront"
allow = [
  { from = "anywhere", to = "web", why = "public shop front" },
  { from = "web", to = "api", why = "the shop front calls the API" },
  { from = "api", to = "postgres", why = "orders are stored" },
  { from = "api", to = "payments", why = "cards are charged" },
]
[tiers]
web = { namespace = "frontend", pods = { app = "web" }, ports = [80] }
api = { namespace = "backend", pods = { app = "api" }, ports = [80, 8080] }
postgres = { namespace = "db", pods = { app = "postgres" }, ports = [5432] }
[external]
payments = { cidrs = ["203.0.113.7/32"], ports = [443] }
"#;

const MAIL: &str = r#"app = "mail"
owner = "messaging"
allow = [
  { from = "shop/api", to = "sender", why = "orders are confirmed" },
  { from = "sender", to = "relay", why = "mail is sent" },
]
[tiers]
sender = { namespace = "mail", pods = { app = "sender" }, ports = [80] }
[external]
relay = { cidrs = ["203.0.113.9/32"], ports = [443] }
"#;

const PROJECT: &str = r#"[cluster.guards]
metadata-deny = true
default-deny = { except = ["legacy", "mail"] }
[approximate]
kubernetes = ["guards-omitted"]
"#;

const ALL: &[&str] = &["kubernetes", "calico", "cilium"];
const NOWHERE: &[&str] = &[];

fn files(shop: &str, mail: Option<&str>, project: &str) -> Files {
    let mut files = vec![("intents/shop.toml", shop.to_owned()), ("netpolc.toml", project.to_owned())];
    files.extend(mail.map(|mail| ("intents/mail.toml", mail.to_owned())));
    files
}

/// Some text in place of another, which must be there.
fn with(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

pub fn all() -> Vec<Change> {
    let both = |shop: &str| files(shop, Some(MAIL), PROJECT);
    let before = || Some(both(SHOP));
    let of_shop = |name, changes: &[(&str, &str)]| Change {
        name,
        before: before(),
        after: both(&with(SHOP, changes)),
        cuts: NOWHERE,
        opens: NOWHERE,
    };
    let staged = |project: &str| format!("[cluster]\nstaged = true\n{project}");
    let api_gone = "  { from = \"web\", to = \"api\", why = \"the shop front calls the API\" },\n";
    vec![
        // The first policy of a pod isolates it, also from what the next one allows.
        Change { name: "first roll-out", before: None, after: both(SHOP), cuts: ALL, opens: NOWHERE },
        of_shop(
            "a new edge",
            &[("allow = [\n", "allow = [\n  { from = \"web\", to = \"postgres\", why = \"reports\" },\n")],
        ),
        of_shop("an edge is gone", &[(api_gone, "")]),
        of_shop("an edge is narrowed", &[("to = \"api\", why", "to = \"api\", ports = [8080], why")]),
        of_shop(
            "a tier is renamed",
            &[("\"web\"", "\"front\""), ("web = {", "front = {"), ("app = \"front\"", "app = \"web\"")],
        ),
        of_shop("an app is renamed", &[("app = \"shop\"", "app = \"store\"")]).and_mail("shop/api", "store/api"),
        of_shop("an external is renamed", &[("\"payments\"", "\"cards\""), ("payments =", "cards =")]),
        of_shop("an external gets an address", &[("[\"203.0.113.7/32\"]", "[\"203.0.113.7/32\", \"203.0.113.9/32\"]")]),
        of_shop("an external has another port", &[("ports = [443]", "ports = [8443]")]),
        // Its set is changed before the policies that name its ports, and those before it.
        Change {
            opens: &["calico", "cilium"],
            ..of_shop(
                "an external moves to another address and port",
                &[("203.0.113.7", "203.0.113.9"), ("443", "8443")],
            )
        },
        Change {
            name: "a namespace becomes managed",
            before: Some(files(SHOP, None, PROJECT)),
            after: both(SHOP),
            cuts: ALL,
            opens: NOWHERE,
        },
        Change {
            name: "an app and its namespace leave",
            before: before(),
            after: files(SHOP, None, PROJECT),
            cuts: ALL,
            opens: NOWHERE,
        },
        Change {
            name: "guards come",
            before: Some(files(SHOP, Some(MAIL), "")),
            after: both(SHOP),
            cuts: NOWHERE,
            opens: NOWHERE,
        },
        Change {
            name: "guards go",
            before: before(),
            after: files(SHOP, Some(MAIL), ""),
            cuts: NOWHERE,
            opens: NOWHERE,
        },
        // In Cilium the same objects are changed one by one, and each allows the same before and after.
        Change {
            name: "staged becomes enforced",
            before: Some(files(SHOP, Some(MAIL), &staged(PROJECT))),
            after: both(SHOP),
            cuts: &["calico"],
            opens: NOWHERE,
        },
        Change {
            name: "enforced becomes staged",
            before: before(),
            after: files(SHOP, Some(MAIL), &staged(PROJECT)),
            cuts: &["calico"],
            opens: NOWHERE,
        },
        Change {
            name: "another tier in Calico",
            before: before(),
            after: files(SHOP, Some(MAIL), &format!("[cluster]\ntier = \"platform\"\n{PROJECT}")),
            cuts: &["calico"],
            opens: NOWHERE,
        },
    ]
}

impl Change {
    fn and_mail(mut self, from: &str, to: &str) -> Self {
        let (_, mail) = self.after.iter_mut().find(|(path, _)| *path == "intents/mail.toml").unwrap();
        *mail = with(mail, &[(from, to)]);
        self
    }
}
