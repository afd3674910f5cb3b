//! Which file belongs to whom.
//!
//! An intent belongs to its app's team, the files of a namespace to the teams of all apps with tiers there, everything else to
//! the platform team. So does what is new: until the section is on the branch that changes are merged into, nobody else is
//! known for a new intent or a new namespace. The lock changes with every build and belongs to nobody.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::pattern::literal;
use crate::diag::{Diagnostic, codes, nearest, quote};
use crate::dialects::Dialect;
use crate::dialects::writing::layout::{ALLOW, BASELINE, EXTERNALS, GUARDS, TIERS, file_of};
use crate::model::{App, AppId, CodeOwners, Model, Sym, is_code_owner};
use crate::source::PROJECT_FILE;

/// Where things are.
#[derive(Debug, Clone)]
pub struct Place {
    /// The project below the root of the git repository.
    pub project: Utf8PathBuf,
    /// The file of code owners below the root of the git repository.
    pub file: Utf8PathBuf,
    /// Folders of the project.
    pub intents: Utf8PathBuf,
    /// The same.
    pub out: Utf8PathBuf,
    /// The same.
    pub templates: Utf8PathBuf,
    /// Folders below `out`, one for each cluster and dialect, all at one depth.
    pub folders: Vec<Utf8PathBuf>,
}

/// The lines of a section.
#[derive(Debug, Clone)]
pub struct Rules {
    groups: [(&'static str, Vec<Rule>); 3],
    /// What the lines are about, from the root of the repository: files that are there, or may be.
    pub files: Vec<Utf8PathBuf>,
}

#[derive(Debug, Clone)]
struct Rule {
    pattern: String,
    owners: BTreeSet<Sym>,
}

impl Rules {
    /// The lines, comments between them.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.groups.iter().flat_map(|(title, rules)| {
            let rules = rules.iter().map(|rule| {
                let owners: Vec<&str> = rule.owners.iter().map(|owner| &**owner).collect();
                format!("{} {}", rule.pattern, owners.join(" "))
            });
            std::iter::once(format!("# {title}")).chain(rules)
        })
    }

    /// The patterns, but for that of the file of code owners itself, which belongs to every project of the repository.
    pub fn patterns(&self) -> BTreeSet<&str> {
        self.groups.iter().flat_map(|(_, rules)| rules).skip(1).map(|rule| rule.pattern.as_str()).collect()
    }

    /// How many lines there are, comments apart.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|(_, rules)| rules.len()).sum()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Who owns what.
///
/// # Errors
/// Apps without anybody who is asked, and paths that no pattern stands for: all of them.
pub fn rules(
    model: &Model,
    settings: &CodeOwners,
    place: &Place,
    dialects: &[&dyn Dialect],
) -> Result<Rules, Vec<Diagnostic>> {
    let mut errors = vec![];
    let teams: Vec<BTreeSet<Sym>> = model.apps.iter().map(|app| team(app, settings, &mut errors)).collect();
    let of = |apps: &[AppId]| apps.iter().filter_map(|app| teams.get(app.index())).flatten().cloned().collect();
    let rule = |pattern: String, owners: &BTreeSet<Sym>| Rule { pattern, owners: owners.clone() };

    let paths =
        [&place.file, &place.project.join(PROJECT_FILE), &place.at(&place.templates), &place.at(&place.intents)];
    let [file, project, templates, intents] = paths.map(|path| plain(path, &mut errors));
    let out = plain(&place.at(&place.out), &mut errors) + &"/*".repeat(place.depth());
    let platform = [
        file,
        project,
        format!("{templates}/"),
        format!("{intents}/"),
        format!("{out}/*/*.yaml"),
        format!("{out}/{GUARDS}/"),
        format!("{out}/{TIERS}/"),
        format!("{out}/{EXTERNALS}/netpolc--*.yaml"),
    ];
    let platform = platform.into_iter().map(|pattern| rule(pattern, &settings.platform)).collect();

    let mut apps = vec![];
    for (app, owners) in model.apps.iter().zip(&teams) {
        match literal(&place.at(&app.path)) {
            Ok(pattern) => apps.push(rule(pattern, owners)),
            // Of a folder above them it was told already.
            Err(_) if intents.is_empty() => {}
            Err(c) => errors.push(Diagnostic::error(codes::PATH, app.span, unwritable(&app.path, c)).help(RENAME)),
        }
        // No name of an app holds two hyphens in a row.
        apps.push(rule(format!("{out}/{EXTERNALS}/{}--*.yaml", app.name), owners));
    }
    let namespaces = model
        .namespaces
        .iter()
        .map(|(namespace, apps)| Rule { pattern: format!("{out}/*/{}", file_of(namespace)), owners: of(apps) });
    let groups = [
        ("the platform team: what belongs to no app, and what is new", platform),
        ("apps: their intents, and the externals that they declare", apps),
        ("namespaces: what their pods may send and receive", namespaces.collect()),
    ];
    if errors.is_empty() { Ok(Rules { groups, files: place.files(model, dialects) }) } else { Err(once(errors)) }
}

const RENAME: &str = "rename it: the patterns of CODEOWNERS give this character a meaning, or end at it";

fn unwritable(path: &Utf8Path, c: char) -> String {
    format!("no pattern of CODEOWNERS stands for {}, because of its {}", quote(path.as_str()), quote(&c.to_string()))
}

/// A folder or file of the project itself as a pattern.
fn plain(path: &Utf8Path, errors: &mut Vec<Diagnostic>) -> String {
    literal(path).unwrap_or_else(|c| {
        errors.push(Diagnostic::placeless(codes::PATH, unwritable(path, c)).help(RENAME));
        String::new()
    })
}

/// One folder above may spoil many paths: the first is told.
fn once(mut errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut told = false;
    errors.retain(|error| error.primary.is_some() || !std::mem::replace(&mut told, true));
    errors
}

/// Who is asked for an app; nobody where that is an error.
fn team(app: &App, settings: &CodeOwners, errors: &mut Vec<Diagnostic>) -> BTreeSet<Sym> {
    let name = quote(&app.name);
    let Some(owner) = &app.owner else {
        let error = Diagnostic::error(codes::CODE_OWNER, app.span, format!("app {name} does not say who owns it"));
        errors.push(error.help("add `owner = \"…\"` below `app`: the team that answers for it"));
        return BTreeSet::new();
    };
    if let Some(team) = settings.teams.get(owner) {
        return team.clone();
    }
    if is_code_owner(owner) {
        return BTreeSet::from([owner.clone()]);
    }
    let message = format!("nobody is known for {}, who owns app {name}", quote(owner));
    let error = Diagnostic::error(codes::CODE_OWNER, app.owner_span.unwrap_or(app.span), message);
    errors.push(match nearest(owner, settings.teams.keys().map(|team| &**team)) {
        Some(near) => error.help(format!("did you mean {}, which `[codeowners.teams]` names?", quote(near))),
        None => error.help(format!(
            "let the platform team write {} under `[codeowners.teams]` in netpolc.toml",
            quote(&format!("{} = \"@…\"", key(owner)))
        )),
    });
    BTreeSet::new()
}

/// A text as a key of TOML.
fn key(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.chars().all(bare) { text.to_owned() } else { format!("{text:?}") }
}

impl Place {
    fn at(&self, path: &Utf8Path) -> Utf8PathBuf {
        self.project.join(path)
    }

    /// How deep the folders lie below `out`.
    fn depth(&self) -> usize {
        self.folders.first().map_or(1, |folder| folder.components().count())
    }

    /// What the lines are about, but for the file of code owners itself: whoever wants another owner for it writes so below.
    fn files(&self, model: &Model, dialects: &[&dyn Dialect]) -> Vec<Utf8PathBuf> {
        let mut files: BTreeSet<Utf8PathBuf> = BTreeSet::new();
        let mut add = |path: Utf8PathBuf| {
            files.insert(self.project.join(path));
        };
        add(PROJECT_FILE.into());
        model.apps.iter().for_each(|app| add(app.path.clone()));
        for dialect in dialects {
            for (name, _) in dialect.templates() {
                add(self.templates.join(dialect.name()).join(name));
            }
        }
        for folder in &self.folders {
            let folder = self.out.join(folder);
            for namespace in model.namespaces.keys() {
                add(folder.join(ALLOW).join(file_of(namespace)));
                add(folder.join(BASELINE).join(file_of(namespace)));
            }
            for external in &model.externals {
                let app = external.app.map_or("netpolc", |app| &model[app].name);
                add(folder.join(EXTERNALS).join(format!("{app}--{}.yaml", external.name)));
            }
            for guard in model.guards() {
                add(folder.join(GUARDS).join(file_of(guard.name())));
                add(folder.join(TIERS).join(file_of(guard.name())));
            }
        }
        files.into_iter().collect()
    }
}
