//! `netpolc check --fix`: findings with one right mend, mended in the files.
//!
//! In: the findings of a run. Out: changed intents and project file, or nothing changed at all. What may never happen: a file
//! changed that nobody chose, and policies, guardrails or waivers that say something else afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::report::plural;
use super::run::{Options, Run};
use super::select::Selection;
use super::{CheckArgs, Exit, Terminal};
use crate::checks::Settings;
use crate::diag::{Diagnostic, Fix, Format, codes, quote};
use crate::dialects;
use crate::intent::{Outcome, mend};
use crate::lower::lower;
use crate::model::{Forbid, Model, Sym};
use crate::output::{self, Change, ChangeKind, OutputError, Rewrite};
use crate::pipeline::compile;
use crate::source::{self, FileId, MAX_FILE_BYTES, ReadError};

/// How often is looked again for what the last mends let show: an entry that is written canonically now may be there twice, and
/// what is there once may be in the wrong place. Nothing needs more; what is left then is told as a finding.
const MAX_ROUNDS: usize = 8;

/// What was mended.
pub(super) struct Fixed {
    findings: usize,
    files: usize,
}

impl Fixed {
    /// `fixed 3 findings in 2 files`.
    pub(super) fn told(&self) -> String {
        match self.findings {
            0 => "fixed nothing: no finding has exactly one right mend".to_owned(),
            _ => format!("fixed {} in {}", plural(self.findings, "finding"), plural(self.files, "file")),
        }
    }
}

/// Mends what can be mended, and writes it. The error is an exit code; the reason was told.
pub(super) fn fix(
    args: &CheckArgs,
    selection: &Selection,
    settings: &Settings,
    terminal: &mut Terminal,
) -> Result<Fixed, Exit> {
    let mended = Mended::of(args, selection, settings, terminal)?;
    output::sweep(&mended.root, mended.places.iter().map(Utf8PathBuf::as_path));
    output::rewrite(&mended.root, &mended.files).map_err(|error| terminal.fail(error))?;
    Ok(Fixed { findings: mended.findings, files: mended.files.len() })
}

/// Shows what would be written.
pub(super) fn diff(
    args: &CheckArgs,
    selection: &Selection,
    settings: &Settings,
    terminal: &mut Terminal,
) -> Result<Exit, Exit> {
    let mended = Mended::of(args, selection, settings, terminal)?;
    let text = |bytes: &[u8]| source::decode(bytes.to_vec()).text;
    for file in &mended.files {
        let kind = ChangeKind::Update { old: text(&file.old), new: Arc::from(text(&file.new)) };
        let change = Change { path: file.path.clone(), shown: file.path.clone(), kind };
        terminal.print(&output::unified_diff(&[change], true));
    }
    let (findings, files) = (plural(mended.findings, "finding"), plural(mended.files.len(), "file"));
    terminal.tell(match mended.findings {
        0 => "nothing to fix".to_owned(),
        _ => format!("`--fix` would fix {findings} in {files}"),
    });
    Ok(if mended.findings == 0 { Exit::Fine } else { Exit::NotFine })
}

/// Says in the help of each finding what `--fix` would do about it, where a person reads it. How many there are, in words.
pub(super) fn announce(run: &Run, args: &CheckArgs, selection: &Selection, shown: &mut [Diagnostic]) -> Option<String> {
    let mut found = 0;
    for (file, places) in by_file(run, selection, shown) {
        let fixes: Vec<&Fix> = places.iter().filter_map(|place| shown.get(*place)?.fix.as_ref()).collect();
        let Ok(mended) = mend(&run.project.sources.get(file).text, &fixes) else { continue };
        for (place, outcome) in places.into_iter().zip(mended.outcomes) {
            let Some(diagnostic) = shown.get_mut(place).filter(|_| outcome != Outcome::Never) else { continue };
            found += 1;
            let help = diagnostic.fix.as_ref().map(|fix| format!("`netpolc check --fix` would {}", fix.message));
            diagnostic.help.extend(help.filter(|_| args.format == Format::Full));
        }
    }
    (found > 0).then(|| format!("{found} fixable with `--fix`"))
}

/// Which diagnostics have a fix that is asked for, by the file that it changes.
fn by_file(run: &Run, selection: &Selection, list: &[Diagnostic]) -> BTreeMap<FileId, Vec<usize>> {
    let sources = &run.project.sources;
    // What is shown of an unreadable character is not what is on disk, so places there are not known.
    let unreadable: BTreeSet<FileId> =
        list.iter().filter(|d| d.code == codes::ENCODING).filter_map(|d| Some(d.primary.as_ref()?.span.file)).collect();
    let chosen = |path: &Utf8Path| run.selected.as_ref().is_none_or(|selected| selected.contains(path));
    let asked_for = |diagnostic: &Diagnostic| selection.mends(diagnostic.code);
    let mut files: BTreeMap<FileId, Vec<usize>> = BTreeMap::new();
    let mut seen: BTreeSet<(FileId, String)> = BTreeSet::new();
    for (place, diagnostic) in list.iter().enumerate().filter(|(_, diagnostic)| asked_for(diagnostic)) {
        let Some((fix, file)) = diagnostic.fix.as_ref().and_then(|fix| Some((fix, fix.file()?))) else { continue };
        // Clusters may find the same thing, each in its own words.
        if !unreadable.contains(&file) && chosen(sources.path(file)) && seen.insert((file, format!("{:?}", fix.edits)))
        {
            files.entry(file).or_default().push(place);
        }
    }
    files
}

/// Files that were mended, in memory.
struct Mended {
    root: Utf8PathBuf,
    /// Intents and project file.
    places: Vec<Utf8PathBuf>,
    files: Vec<Rewrite>,
    findings: usize,
}

impl Mended {
    /// Mends until nothing is left to mend, and holds the meaning of the result against what was meant before.
    fn of(args: &CheckArgs, selection: &Selection, settings: &Settings, terminal: &mut Terminal) -> Result<Self, Exit> {
        let mut run = Run::start(&args.common, None, settings, terminal)?;
        let mut meant = None;
        let root = run.project.root.dir.clone();
        let sources = &run.project.sources;
        let intents = run.project.intents.iter().map(|intent| sources.path(intent.file).to_owned());
        let places: Vec<Utf8PathBuf> = intents.chain([source::PROJECT_FILE.into()]).collect();
        let mut old: BTreeMap<Utf8PathBuf, Vec<u8>> = BTreeMap::new();
        let mut new: BTreeMap<Utf8PathBuf, String> = BTreeMap::new();
        let mut findings = 0;
        for _ in 0..MAX_ROUNDS {
            let list = run.diags.clone().into_sorted(&run.project.sources);
            let before = findings;
            let fixable = by_file(&run, selection, &list);
            if findings == 0 && !fixable.is_empty() {
                meant = Meaning::of(&mut run);
            }
            for (file, places) in fixable {
                let path = run.project.sources.path(file).to_owned();
                if !old.contains_key(&path) {
                    let bytes = read(&run, file, terminal)?;
                    new.insert(path.clone(), String::from_utf8_lossy(&bytes).into_owned());
                    old.insert(path.clone(), bytes);
                }
                let Some(text) = new.get_mut(&path) else { continue };
                let fixes: Vec<&Fix> = places.iter().filter_map(|place| list.get(*place)?.fix.as_ref()).collect();
                let mended = mend(text, &fixes).map_err(|error| internal(&path, error, terminal))?;
                findings += mended.outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count();
                *text = mended.text;
            }
            if findings == before {
                break;
            }
            let options = Options { instead: new.clone(), ..Options::new(settings) };
            run = Run::with(&args.common, &options, terminal)?;
        }
        if findings > 0 && !Meaning::is_kept(meant.as_ref(), &mut run) {
            return Err(terminal.fail("the mended intents would mean something else; nothing was written. This is a mistake of netpolc: please report it"));
        }
        let files = old.into_iter().filter_map(|(path, old)| {
            let new = new.remove(&path)?.into_bytes();
            (new != old).then_some(Rewrite { path, old, new })
        });
        Ok(Self { root, places, files: files.collect(), findings })
    }
}

fn internal(path: &Utf8Path, error: impl std::fmt::Display, terminal: &mut Terminal) -> Exit {
    let path = quote(path.as_str());
    terminal.fail(format!("{path}: {error}; nothing was written. This is a mistake of netpolc: please report it"))
}

/// The bytes of a file, which are still those that the run has read.
fn read(run: &Run, file: FileId, terminal: &mut Terminal) -> Result<Vec<u8>, Exit> {
    let source = run.project.sources.get(file);
    let bytes = match source::read_bytes(&run.project.root.dir.join(&source.path), MAX_FILE_BYTES) {
        Ok(bytes) => bytes,
        Err(ReadError::Io(error)) => {
            return Err(terminal.fail(source::SourceError { path: source.path.clone(), error }));
        }
        Err(ReadError::NotAFile | ReadError::TooLarge) => vec![],
    };
    if source::decode(bytes.clone()).text != *source.text {
        return Err(terminal.fail(OutputError::Changed { path: source.path.clone() }));
    }
    Ok(bytes)
}

/// What a dialect writes, by path below `out/`; `None` where it cannot say something.
type Written = Option<BTreeMap<Utf8PathBuf, Arc<str>>>;

/// What the intents of a project mean.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    /// What each dialect writes of each cluster.
    policies: Vec<Written>,
    /// Guardrails and waivers of each cluster: they write nothing, and no mend may weaken them.
    judgements: Vec<BTreeSet<String>>,
}

impl Meaning {
    /// `None` where the intents have no meaning yet.
    fn of(run: &mut Run) -> Option<Self> {
        if run.models.len() < run.project.clusters().len().max(1) {
            return None;
        }
        let chosen = run.project.dialects.clone();
        let mut sources = std::mem::take(&mut run.project.sources);
        let mut policies = vec![];
        for model in &run.models {
            let reviewed = dialects::review(model, &chosen);
            let lowered = lower(model);
            for dialect in &chosen {
                let compiled = compile(&run.project, &mut sources, model, &lowered, *dialect, &reviewed);
                policies.push(compiled.ok().map(|compiled| compiled.files));
            }
        }
        run.project.sources = sources;
        Some(Self { policies, judgements: run.models.iter().map(judgements).collect() })
    }

    /// Whether a run means the same. Where nothing was meant before, nothing is lost.
    fn is_kept(before: Option<&Self>, run: &mut Run) -> bool {
        before.is_none_or(|before| Self::of(run).as_ref() == Some(before))
    }
}

/// The guardrails and waivers of a cluster, without their places.
fn judgements(model: &Model) -> BTreeSet<String> {
    let forbids = model.forbids.iter().map(|forbid| {
        let except: BTreeSet<&Sym> = forbid.except.iter().map(|end| &end.name).collect();
        let Forbid { app, from, to, ports, transitive, .. } = forbid;
        format!("{app:?} {} -> {} {ports:?} {except:?} {transitive}", from.name, to.name)
    });
    let waivers = model.waivers.iter().map(|waiver| format!("{} {:?} {:?}", waiver.code, waiver.targets, waiver.until));
    forbids.chain(waivers).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Common;
    use super::*;
    use crate::diag::Level;

    const INTENT: &str = r#"app = "shop"
[tiers]
web = { namespace = "shop", pods = { app = "web" } }
api = { namespace = "shop", pods = { app = "api" }, ports = [80, 443] }
db  = { namespace = "shop", pods = { app = "db" }, ports = [5432] }
[[allow]]
from = "web"
to   = "api"
[[forbid]]
from   = "web"
to     = "db"
[[waive]]
code   = "NP102"
tier   = "db"
reason = "it comes next month"
until  = 2030-12-31
"#;

    /// Runs a project of one intent.
    fn run(intent: &str) -> Run {
        let folder = tempfile::tempdir().unwrap();
        let file = Utf8PathBuf::from_path_buf(folder.path().join("intents/shop.toml")).unwrap();
        std::fs::create_dir(folder.path().join("intents")).unwrap();
        std::fs::write(&file, intent).unwrap();
        let common = Common { paths: vec![file], today: Some(jiff::civil::date(2026, 1, 1)) };
        let settings = Settings::new(Level::Error);
        Run::with(&common, &Options::new(&settings), &mut Terminal::new()).ok().unwrap()
    }

    fn is_kept(changed: &str) -> bool {
        let before = Meaning::of(&mut run(INTENT));
        assert!(before.is_some());
        Meaning::is_kept(before.as_ref(), &mut run(changed))
    }

    #[test]
    fn what_says_the_same_in_other_words_is_kept() {
        assert!(is_kept(INTENT));
        assert!(is_kept(&INTENT.replace("[80, 443]", "[\n  443, # first\n  80,\n  80\n]")));
        assert!(is_kept(&INTENT.replace("\"web\"\nto   = \"api\"", "[\"web\"]\nto   = [\"api\"]")));
    }

    #[test]
    fn other_policies_guardrails_and_waivers_are_refused() {
        for (old, new) in [
            ("[80, 443]", "[80]"),
            ("app = \"api\" }", "app = \"api-2\" }"),
            ("to   = \"api\"", "to   = \"db\""),
            ("from   = \"web\"", "from   = \"api\""),
            ("to     = \"db\"", "to     = \"db\"\nports  = [5432]"),
            ("tier   = \"db\"", "tier   = \"web\""),
            ("until  = 2030-12-31", "until  = 2031-12-31"),
            ("until  = 2030-12-31\n", ""),
            ("to   = \"api\"", "to   = \"nobody\""),
        ] {
            let changed = INTENT.replace(old, new);
            assert_ne!(changed, INTENT, "{old}");
            assert!(!is_kept(&changed), "{old} became {new}");
        }
    }

    #[test]
    fn intents_that_meant_nothing_yet_lose_nothing() {
        assert!(Meaning::of(&mut run("app = \"shop\"\n[tiers]\nweb = 1\n")).is_none());
        assert!(Meaning::is_kept(None, &mut run(INTENT)));
    }
}
