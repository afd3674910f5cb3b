//! From the files' tables to the model: names first, then what they stand for, then who may talk to whom.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::limits::MAX_ERRORS;
use super::names::{self, Refusal};
use super::{App, AppId, Endpoint, ExternalId, FlowGraph, Model, PeerId, Profile, Sym, TierId, overlap};
use crate::diag::{Diagnostic, Diagnostics, Edit, codes, quote};
use crate::intent::{IntentFile, Parsed, ProjectFile};
use crate::source::{FileId, Sources, Span, Spanned};

/// What a model is built from.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The texts.
    pub sources: &'a Sources,
    /// The intents, also those that could not be read whole.
    pub intents: &'a [Parsed<IntentFile>],
    /// The project file.
    pub project: Option<&'a ProjectFile>,
    /// The named cluster, when the project file names some.
    pub cluster: Option<&'a str>,
    /// All rules: the code, and the key of a waiver that names what its findings are about.
    pub rules: &'a [(&'static str, &'static str)],
    /// Names of all dialects.
    pub dialects: &'a [&'a str],
}

/// Builds the model. `None` when anything was wrong, in the intents or before: `diags` says what.
pub fn build(input: Input<'_>, diags: &mut Diagnostics) -> Option<Model> {
    let mut builder = Builder::new(input, diags);
    builder.profile();
    builder.apps();
    builder.declare();
    if !builder.declares_few_enough() {
        return builder.finish();
    }
    builder.edges();
    builder.check_guards();
    builder.forbids();
    builder.waivers();
    builder.lists();
    builder.finish()
}

/// What a name of an app stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Declared {
    /// Something whole.
    Whole(Endpoint),
    /// Something whose declaration is wrong, which was reported: its name is known, and nothing more is said of it.
    Broken,
}

/// Names of one app and what they stand for.
pub(super) type Names = BTreeMap<String, (Declared, Span)>;

/// The model in the making.
pub(super) struct Builder<'a, 'd> {
    pub(super) input: Input<'a>,
    pub(super) diags: &'d mut Diagnostics,
    pub(super) model: Model,
    /// Intents in the order of their apps' names.
    pub(super) files: Vec<(AppId, Option<&'a IntentFile>)>,
    /// Names by app.
    pub(super) names: Vec<Names>,
    /// Names of the project file's externals.
    pub(super) project_names: Names,
    pub(super) by_name: HashMap<String, AppId>,
    /// Apps named by files that could not be read.
    pub(super) unreadable: BTreeSet<String>,
    /// Places of characters that could not be read.
    unreadable_places: HashMap<FileId, Vec<Span>>,
    /// How many errors were found, also those that are only counted.
    errors: usize,
    /// How many proposals were looked for.
    pub(super) proposals: usize,
}

impl<'a, 'd> Builder<'a, 'd> {
    fn new(input: Input<'a>, diags: &'d mut Diagnostics) -> Self {
        let model = Model {
            cluster: input.cluster.map(Sym::from),
            profile: Profile::unknown(),
            apps: vec![],
            tiers: vec![],
            peers: vec![],
            externals: vec![],
            edges: vec![],
            forbids: vec![],
            waivers: vec![],
            unsorted: vec![],
            namespaces: BTreeMap::new(),
            graph: FlowGraph::default(),
        };
        let mut unreadable_places: HashMap<FileId, Vec<Span>> = HashMap::new();
        for place in diags.iter().filter(|d| d.code == codes::ENCODING).filter_map(|d| d.primary.as_ref()) {
            unreadable_places.entry(place.span.file).or_default().push(place.span);
        }
        Self {
            input,
            diags,
            model,
            files: vec![],
            names: vec![],
            project_names: Names::new(),
            by_name: HashMap::new(),
            unreadable: BTreeSet::new(),
            unreadable_places,
            errors: 0,
            proposals: 0,
        }
    }

    pub(super) fn error(&mut self, diagnostic: Diagnostic) {
        self.errors += 1;
        if self.errors <= MAX_ERRORS {
            self.diags.push(diagnostic);
        }
    }

    pub(super) fn refusal(&mut self, span: Span, refusal: Refusal) {
        // Of a text that holds a character which cannot be there nothing more is worth saying.
        let inside = |other: &Span| span.start <= other.start && other.end <= span.end;
        if self.unreadable_places.get(&span.file).is_some_and(|places| places.iter().any(inside)) {
            return;
        }
        let error = Diagnostic::error(refusal.code, span, refusal.message).help(refusal.help);
        self.error(match refusal.instead {
            Some(text) => error.fix(format!("write {}", quote(&text)), vec![Edit::Replace { span, text }]),
            None => error,
        });
    }

    /// Reports a refusal; whether there was none.
    pub(super) fn accept(&mut self, span: Span, result: Result<(), Refusal>) -> bool {
        result.map_err(|refusal| self.refusal(span, refusal)).is_ok()
    }

    /// A free text, if it is written and fit to be shown.
    pub(super) fn text(&mut self, what: &str, text: Option<&Spanned<String>>) -> Option<Sym> {
        let text = text?;
        self.accept(text.span, names::check_text(what, &text.value)).then(|| Sym::from(text.value.as_str()))
    }

    /// Apps in the order of their names, each name once.
    fn apps(&mut self) {
        let mut files: Vec<(String, Span, FileId, Option<&'a IntentFile>)> = vec![];
        for parsed in self.input.intents {
            match &parsed.table {
                Some(table) if !parsed.broken => {
                    files.push((table.app.value.clone(), table.app.span, parsed.file, Some(table)));
                }
                _ => self.unreadable.extend(parsed.app.clone()),
            }
        }
        // The path breaks ties, so that the same file is called the second one whatever the order of reading.
        let path = |file: FileId| self.input.sources.path(file).to_owned();
        files.sort_by_key(|(name, _, file, _)| (name.clone(), path(*file)));
        for (name, span, file, table) in files {
            // Under a wrong name the rest of the file is checked all the same.
            self.accept(span, names::check_name("app", &name));
            if let Some(first) = self.by_name.get(&name) {
                let (first, span_first) = (self.model[*first].path.clone(), self.model[*first].span);
                self.error(
                    Diagnostic::error(codes::DUPLICATE_NAME, span, format!("app {} is declared twice", quote(&name)))
                        .related(span_first, format!("first declared in {first}"))
                        .help("an app is one file: rename one of them, or move its tables into the other file"),
                );
                continue;
            }
            let id = AppId(self.model.apps.len() as u32);
            if let Some(version) = table.and_then(|t| t.version.as_ref()).filter(|v| v.value != 1) {
                let message = format!("language version {} is not known", version.value);
                self.error(
                    Diagnostic::error(codes::VERSION, version.span, message)
                        .help("write `version = 1`, or leave it out"),
                );
            }
            let written = table.and_then(|t| t.owner.as_ref());
            let (owner, owner_span) = (self.text("owner", written), written.map(|owner| owner.span));
            let path = self.input.sources.path(file).to_owned();
            self.by_name.insert(name.clone(), id);
            self.model.apps.push(App { name: name.into(), owner, owner_span, scrapers: None, path, file, span });
            self.files.push((id, table));
            self.names.push(Names::new());
        }
    }

    /// Everything that has a name, app by app, in the order of names.
    fn declare(&mut self) {
        if let Some(externals) = self.input.project.and_then(|p| p.external.as_ref()) {
            self.declare_externals(None, externals);
        }
        for (app, table) in self.files.clone() {
            let Some(table) = table else { continue };
            for (name, tier) in sorted(table.tiers.as_ref()) {
                let declared = tier.as_ref().and_then(|tier| self.tier(app, table, name, tier)).map(|tier| {
                    self.model.tiers.push(tier);
                    Endpoint::Tier(TierId(self.model.tiers.len() as u32 - 1))
                });
                self.name(app, "tier", name, declared);
            }
            for (name, peer) in sorted(table.peers.as_ref()) {
                let declared = peer.as_ref().and_then(|peer| self.peer(app, name, peer)).map(|peer| {
                    self.model.peers.push(peer);
                    Endpoint::Peer(PeerId(self.model.peers.len() as u32 - 1))
                });
                self.name(app, "peer", name, declared);
            }
            if let Some(externals) = &table.external {
                self.declare_externals(Some(app), externals);
            }
            self.scrapers(app, table);
        }
        self.accepts();
        self.namespaces();
        let mut found = Diagnostics::default();
        overlap::check(&self.model, &mut found);
        found.iter().cloned().for_each(|diagnostic| self.error(diagnostic));
    }

    fn declare_externals(&mut self, app: Option<AppId>, table: &'a crate::intent::Table<crate::intent::ExternalTable>) {
        for (name, external) in sorted(Some(table)) {
            let declared = external.as_ref().and_then(|external| self.external(app, name, external)).map(|external| {
                self.model.externals.push(external);
                Endpoint::External(ExternalId(self.model.externals.len() as u32 - 1))
            });
            match app {
                Some(app) => self.name(app, "external", name, declared),
                None => {
                    let valid = self.accept(name.span, names::check_name("external", &name.value));
                    let declared = declared.filter(|_| valid).map_or(Declared::Broken, Declared::Whole);
                    self.project_names.insert(name.value.clone(), (declared, name.span));
                }
            }
        }
    }

    /// Gives a name its meaning; tiers, peers and externals of an app share one space of names.
    fn name(&mut self, app: AppId, what: &str, name: &Spanned<String>, endpoint: Option<Endpoint>) {
        let valid = self.accept(name.span, names::check_name(what, &name.value));
        let own = self.names.get(app.index()).and_then(|names| names.get(&name.value));
        // A name of the project file means the same in every app.
        let first = own.or_else(|| self.project_names.get(&name.value)).map(|(_, span)| *span);
        if let Some(first) = first {
            self.error(
                Diagnostic::error(
                    codes::DUPLICATE_NAME,
                    name.span,
                    format!("{} is declared twice", quote(&name.value)),
                )
                .related(first, "first declared here")
                .help("tiers, peers and externals, those of the project file included, share one space of names: rename one"),
            );
            return;
        }
        let declared = endpoint.filter(|_| valid).map_or(Declared::Broken, Declared::Whole);
        if let Some(names) = self.names.get_mut(app.index()) {
            names.insert(name.value.clone(), (declared, name.span));
        }
    }

    fn scrapers(&mut self, app: AppId, table: &IntentFile) {
        let Some(scrapers) = &table.scrapers else { return };
        match self.resolve(Some(app), scrapers) {
            Some(Endpoint::Peer(peer)) => {
                if let Some(app) = self.model.apps.get_mut(app.index()) {
                    app.scrapers = Some(peer);
                }
            }
            Some(_) => self.error(
                Diagnostic::error(codes::ENDPOINT, scrapers.span, format!("{} is no peer", quote(&scrapers.value)))
                    .help("scrapers are declared under `[peers]`"),
            ),
            None => {}
        }
    }

    /// Managed namespaces, and that two apps share one only where the project file says so.
    fn namespaces(&mut self) {
        let mut places: BTreeMap<(Sym, AppId), Span> = BTreeMap::new();
        for tier in &self.model.tiers {
            for namespace in tier.pods.namespaces.names() {
                places.entry((namespace.clone(), tier.app)).or_insert(tier.span);
                let apps = self.model.namespaces.entry(namespace.clone()).or_default();
                // Tiers stand in the order of their apps.
                if apps.last() != Some(&tier.app) {
                    apps.push(tier.app);
                }
            }
        }
        for (namespace, apps) in self.model.namespaces.clone() {
            let [first, others @ ..] = apps.as_slice() else { continue };
            if self.model.profile.shared_namespaces.contains(&namespace) {
                continue;
            }
            for other in others {
                let (Some(here), Some(there)) =
                    (places.get(&(namespace.clone(), *other)), places.get(&(namespace.clone(), *first)))
                else {
                    continue;
                };
                let (a, b) = (self.model[*first].name.clone(), self.model[*other].name.clone());
                let message = format!("namespace {} is managed by the apps `{a}` and `{b}`", quote(&namespace));
                self.error(
                    Diagnostic::error(codes::SHARED_NAMESPACE, *here, message)
                        .related(*there, format!("`{a}` manages it here"))
                        .help(format!("let the platform team write `shared-namespaces = [\"{namespace}\"]` under `[cluster]` in netpolc.toml")),
                );
            }
        }
    }

    fn finish(mut self) -> Option<Model> {
        if !self.diags.has_errors() {
            self.says_little_enough();
        }
        let Self { input, mut model, diags, errors, .. } = self;
        if let Some(more) = errors.checked_sub(MAX_ERRORS).filter(|more| *more > 0) {
            // It stands first, so that it is told though the others are too many to be told.
            let message = format!("the intents have {more} more findings");
            let error = match input.intents.first() {
                Some(first) => Diagnostic::error(codes::LIMIT, Span::new(first.file, 0..0), message),
                None => Diagnostic::placeless(codes::LIMIT, message),
            };
            diags.push(error.help("mend the others first"));
        }
        model.graph = {
            let tiers = model.tiers().map(|(id, _)| Endpoint::Tier(id));
            let peers = model.peers().map(|(id, _)| Endpoint::Peer(id));
            FlowGraph::new(tiers.chain(peers), model.edges())
        };
        if diags.has_errors() {
            return None;
        }
        super::forbid::check(&model, diags);
        (!diags.has_errors()).then_some(model)
    }
}

/// Entries of a table by name.
fn sorted<T>(table: Option<&crate::intent::Table<T>>) -> Vec<(&Spanned<String>, &Option<T>)> {
    let mut entries: Vec<_> = table.into_iter().flat_map(|table| &table.0).map(|(name, value)| (name, value)).collect();
    entries.sort_by_key(|(name, _)| &name.value);
    entries
}
