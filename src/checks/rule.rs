//! What a rule is, and where it puts what it finds.
//!
//! In: a rule's data and its function. Out: [`Findings`], each with the waiver that accepts it, if any. A rule's
//! function knows neither levels nor waivers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Context, Settings};
use crate::diag::{Code, Diagnostic, Level};
use crate::model::{LintLevel, Model, WaiveTarget};
use crate::source::Span;

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// The flow graph as a whole: `NP1xx`.
    Graph,
    /// How much one line opens: `NP2xx`.
    Breadth,
    /// What does not hold what it seems to hold, and lock-outs: `NP3xx`.
    Safety,
    /// What some target takes otherwise than it reads: `NP4xx`.
    Dialect,
    /// How intents are kept: reasons, owners, waivers: `NP5xx`.
    Hygiene,
    /// What really runs, where an inventory is given: `NP6xx`.
    Inventory,
}

impl Group {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 6] =
        [Self::Graph, Self::Breadth, Self::Safety, Self::Dialect, Self::Hygiene, Self::Inventory];

    /// What the codes of its rules start with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Graph => "NP1",
            Self::Breadth => "NP2",
            Self::Safety => "NP3",
            Self::Dialect => "NP4",
            Self::Hygiene => "NP5",
            Self::Inventory => "NP6",
        }
    }

    /// The word in listings, and the folder of its rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Breadth => "breadth",
            Self::Safety => "safety",
            Self::Dialect => "dialect",
            Self::Hygiene => "hygiene",
            Self::Inventory => "inventory",
        }
    }
}

/// A rule with all that is known of it.
#[derive(Debug)]
pub struct Rule {
    /// Its stable code.
    pub code: Code,
    /// Its name, in kebab-case.
    pub name: &'static str,
    /// What it looks at.
    pub group: Group,
    /// Its level where the project file says nothing.
    pub default: LintLevel,
    /// What a finding is about, and the key that names it in a `[[waive]]`: `edge`, `tier`, `peer`, `external` or
    /// `workload`. Empty: a finding cannot be waived, as its mend costs no more than the waiver.
    pub about: &'static str,
    /// One line.
    pub summary: &'static str,
    /// What, why, and how to mend, in Markdown, with one bad and one mended intent. Each example is a `toml` block
    /// whose first line is `# bad` or `# mended`; a block that begins with `# netpolc.toml` is a project file for
    /// both, one that begins with `# netpolc.toml, mended` is that of the mended intent, one that begins with `# neighbour` an
    /// intent of another app beside both, and a `yaml` block that begins with `# inventory.yaml` is what runs there.
    pub doc: &'static str,
    /// Looks for it.
    pub check: fn(&Context<'_>, &mut Findings),
}

impl Rule {
    /// The level in a project.
    pub fn level(&self, model: &Model) -> LintLevel {
        model.profile.lints.get(self.code.0).copied().unwrap_or(self.default)
    }

    /// The level of its findings in a run; `None` where nobody asked for them.
    fn level_in(&self, cx: &Context<'_>, settings: &Settings) -> Option<Level> {
        match self.level(cx.model) {
            LintLevel::Error => Some(Level::Error),
            LintLevel::Warning => Some(Level::Warning),
            LintLevel::Allow if settings.selected.contains(&self.code) => Some(Level::Warning),
            LintLevel::Allow => None,
        }
    }

    /// Whether a run shows all that it could find: it is asked for, and what it looks at is there.
    pub(super) fn looks(&self, cx: &Context<'_>, settings: &Settings) -> bool {
        let given = match self.group {
            Group::Dialect => !cx.targets.is_empty(),
            Group::Inventory => cx.inventory.is_some(),
            Group::Graph | Group::Breadth | Group::Safety | Group::Hygiene => true,
        };
        given && self.level_in(cx, settings).is_some()
    }
}

/// All that `netpolc rule CODE` prints.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, name, about, summary, .. } = self;
        let level = self.default.as_str();
        writeln!(f, "# {code} {name}\n\n{summary} (default level: {level})\n\n{}\n", self.doc.trim())?;
        writeln!(f, "## If it is meant\n")?;
        if !about.is_empty() {
            let width = about.len().max("reason".len());
            writeln!(f, "Accept one finding, with a reason and best until a day:\n\n```toml\n[[waive]]")?;
            for (key, value) in [("code", code.0), (about, "…"), ("reason", "…")] {
                writeln!(f, "{key:width$} = \"{value}\"")?;
            }
            writeln!(f, "{:width$} = 2030-12-31\n```\n", "until")?;
        }
        writeln!(f, "The platform team sets the level for the project in `netpolc.toml`:\n")?;
        writeln!(f, "```toml\n[lints]\n{code} = \"error\" # or \"warning\", or \"allow\"\n```")
    }
}

/// One finding.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) diagnostic: Diagnostic,
    /// Position of the waiver that accepts it.
    pub(super) waiver: Option<usize>,
}

/// What one rule found in one model.
#[derive(Debug)]
pub struct Findings {
    code: Code,
    level: Level,
    /// What is accepted today under this rule's code, and by which waiver.
    accepted: BTreeMap<WaiveTarget, usize>,
    /// What was accepted until a day that is over, where that shall not stop anybody: told as a warning.
    lapsed: BTreeSet<WaiveTarget>,
    list: Vec<Finding>,
}

impl Findings {
    /// Nothing found yet; `None` when the project allows what the rule looks for.
    pub(super) fn new(rule: &Rule, cx: &Context<'_>, settings: &Settings) -> Option<Self> {
        let Context { model, today, .. } = *cx;
        let expired = settings.expired;
        let level = rule.level_in(cx, settings)?;
        let mut accepted = BTreeMap::new();
        let mut lapsed = BTreeSet::new();
        for (position, waiver) in model.waivers.iter().enumerate().filter(|(_, waiver)| waiver.code == rule.code) {
            for target in &waiver.targets {
                match (waiver.expired(today), expired) {
                    (false, _) => {
                        accepted.entry(target.clone()).or_insert(position);
                    }
                    (true, Level::Warning) => {
                        lapsed.insert(target.clone());
                    }
                    (true, Level::Error) => {}
                }
            }
        }
        Some(Self { code: rule.code, level, accepted, lapsed, list: vec![] })
    }

    /// A diagnostic with the rule's code and level, to be filled and [pushed](Self::push).
    pub fn at(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        match self.level {
            Level::Error => Diagnostic::error(self.code, span, message),
            Level::Warning => Diagnostic::warning(self.code, span, message),
        }
    }

    /// Adds a finding. A waiver for any of `targets` accepts it.
    pub fn push(&mut self, targets: &[WaiveTarget], diagnostic: Diagnostic) {
        let waiver = targets.iter().find_map(|target| self.accepted.get(target)).copied();
        let level = match targets.iter().any(|target| self.lapsed.contains(target)) {
            true => Level::Warning,
            false => diagnostic.level,
        };
        self.list.push(Finding { diagnostic: Diagnostic { level, ..diagnostic }, waiver });
    }

    /// Whether a waiver accepts this rule's findings about a target today.
    pub fn accepts(&self, target: &WaiveTarget) -> bool {
        self.accepted.contains_key(target)
    }

    pub(super) fn into_list(self) -> Vec<Finding> {
        self.list
    }
}
