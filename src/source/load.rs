//! Loading a project's texts.
//!
//! In: a root, on disk or of files that somebody hands over. Out: ids of texts, always in the order of their paths, named
//! relative to the root. What may never happen: a text from outside of the root, and an intent left out without a word.

use std::sync::atomic::{AtomicU64, Ordering};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use super::read::{
    Decoded, Entry, EntryKind, MAX_FILE_BYTES, MAX_INTENTS, MAX_PROJECT_BYTES, ReadError, SourceError, decode,
    entry_kind, leads_to_folder, list_tree, read_bytes,
};
use super::{FileId, Files, Root, Sources, Span};
use crate::diag::{Diagnostic, Diagnostics, codes, is_deceptive, quote};

/// Loads the project file, if the root has one. `None` also for one that cannot be read as text, which is reported.
///
/// # Errors
/// When the system refuses.
pub fn load_project_file(
    root: &Root,
    sources: &mut Sources,
    diags: &mut Diagnostics,
) -> Result<Option<FileId>, SourceError> {
    let Some(name) = root.project_file.as_deref().and_then(Utf8Path::file_name) else { return Ok(None) };
    let loaded = load_all(root, vec![Utf8PathBuf::from(name)], true, sources, diags)?;
    Ok(loaded.into_iter().next().map(|(_, file)| file))
}

/// Loads every `*.toml` below `dir` (relative to the root), in the order of their paths. Names that start with a dot
/// are skipped, and a missing folder is empty. A file that cannot be read as text is reported and left out, so a
/// caller stops at errors before it gives the rest a meaning.
///
/// # Errors
/// When the system refuses a file or folder.
pub fn load_intents(
    root: &Root,
    dir: &Utf8Path,
    sources: &mut Sources,
    diags: &mut Diagnostics,
) -> Result<Vec<FileId>, SourceError> {
    let mut paths = vec![];
    for entry in entries(root, dir, true, diags)? {
        let path = dir.join(&entry.path);
        let to_folder = entry.kind == EntryKind::Link
            && leads_to_folder(&root.dir.join(&path)).map_err(|error| SourceError { path: path.clone(), ..error })?;
        let toml = entry.path.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
        match entry.kind {
            EntryKind::Folder => {}
            EntryKind::Link if to_folder => {
                let message = format!("{} is a link to a folder", quote(path.as_str()));
                diags.push(unusable(message).help("put the intents themselves there"));
            }
            EntryKind::Unnameable => diags.push(not_utf8(&path)),
            EntryKind::File | EntryKind::Link | EntryKind::Special if toml => paths.push(path),
            EntryKind::File | EntryKind::Link | EntryKind::Special => {}
        }
    }
    if paths.len() > MAX_INTENTS {
        let message = format!("there are {} intents in {}", paths.len(), quote(&format!("{dir}/")));
        let error = Diagnostic::placeless(codes::LIMIT, message).note(format!("a project has at most {MAX_INTENTS}"));
        diags.push(error.help("split the project, or join the intents of apps that belong together"));
        return Ok(vec![]);
    }
    Ok(load_all(root, paths, true, sources, diags)?.into_iter().map(|(_, file)| file).collect())
}

/// Loads the templates below `dir` (relative to the root): every `*.j2`, with its path below `dir`, as
/// `kubernetes/allow.yaml.j2`. Nothing is read through a link. A missing folder is empty.
///
/// # Errors
/// When the system refuses a file or folder.
pub fn load_templates(
    root: &Root,
    dir: &Utf8Path,
    sources: &mut Sources,
    diags: &mut Diagnostics,
) -> Result<Vec<(Utf8PathBuf, FileId)>, SourceError> {
    let mut paths = vec![];
    for entry in entries(root, dir, false, diags)? {
        match entry.kind {
            EntryKind::Folder => {}
            EntryKind::Unnameable => diags.push(not_utf8(&dir.join(&entry.path))),
            EntryKind::Link => diags.push(linked(&dir.join(&entry.path))),
            EntryKind::File | EntryKind::Special if entry.path.extension() == Some("j2") => {
                paths.push(dir.join(entry.path));
            }
            // Others may use a folder of this name too.
            EntryKind::File | EntryKind::Special => {}
        }
    }
    let loaded = load_all(root, paths, false, sources, diags)?;
    let below = |path: Utf8PathBuf| path.strip_prefix(dir).map(Utf8Path::to_owned).unwrap_or(path);
    Ok(loaded.into_iter().map(|(path, file)| (below(path), file)).collect())
}

/// Loads a file that people and netpolc share: its bytes as they are, and its text for messages. `None` where there is none, and
/// where it must not be touched, which is reported: it, or the folder that it would be in, is outside of the repository.
///
/// # Errors
/// When the system refuses.
pub fn load_shared(
    repository: &Utf8Path,
    path: &Utf8Path,
    sources: &mut Sources,
    diags: &mut Diagnostics,
) -> Result<Option<(Vec<u8>, FileId)>, SourceError> {
    let fail = |error| SourceError { path: path.to_owned(), error };
    let full = repository.join(path);
    let mut above = full.ancestors();
    let nearest = loop {
        let Some(path) = above.next() else { return Ok(None) };
        if entry_kind(path).map_err(fail)?.is_some() {
            break path;
        }
    };
    let real = nearest.canonicalize().map_err(fail)?;
    if !real.starts_with(repository.canonicalize().map_err(fail)?) {
        let message = format!("{} leads outside of the repository", quote(path.as_str()));
        diags.push(unusable(message).help("put the file itself there, and no link"));
        return Ok(None);
    }
    if nearest != full {
        return Ok(None);
    }
    match read_bytes(&full, MAX_FILE_BYTES) {
        Ok(bytes) => {
            let file = sources.add(path, decode(bytes.clone()).text);
            Ok(Some((bytes, file)))
        }
        Err(ReadError::Io(error)) => Err(fail(error)),
        Err(refused) => {
            let what = match refused {
                ReadError::TooLarge => format!("is larger than {} MiB", MAX_FILE_BYTES >> 20),
                _ => "is not a regular file".to_owned(),
            };
            diags.push(unusable(format!("{} {what}", quote(path.as_str()))).help("put a file there, or remove it"));
            Ok(None)
        }
    }
}

/// What is below a folder of the project; nothing, with a diagnostic, when the folder is not inside of it.
fn entries(root: &Root, dir: &Utf8Path, links: bool, diags: &mut Diagnostics) -> Result<Vec<Entry>, SourceError> {
    let fail = |error| SourceError { path: dir.to_owned(), error };
    if dir.components().any(|c| !matches!(c, Utf8Component::Normal(_) | Utf8Component::CurDir)) {
        diags.push(outside(dir));
        return Ok(vec![]);
    }
    if let Some(files) = &root.files {
        return Ok(entries_of(files, dir, diags));
    }
    let full = root.dir.join(dir);
    let kind = match entry_kind(&full).map_err(fail)? {
        None => return Ok(vec![]),
        Some(EntryKind::Link) if !links => {
            diags.push(linked(dir));
            return Ok(vec![]);
        }
        Some(EntryKind::Link) if leads_to_folder(&full).map_err(|error| fail(error.error))? => EntryKind::Folder,
        Some(kind) => kind,
    };
    if kind != EntryKind::Folder {
        diags.push(unusable(format!("{} is not a folder", quote(dir.as_str()))));
        return Ok(vec![]);
    }
    if !inside(root, &full).map_err(fail)? {
        diags.push(outside(dir));
        return Ok(vec![]);
    }
    list_tree(&full, true).map_err(|error| {
        let path = error.path.strip_prefix(&root.dir).map(Utf8Path::to_owned).unwrap_or(error.path);
        SourceError { path, error: error.error }
    })
}

/// The same of files that are not on disk: there are no links among them.
fn entries_of(files: &Files, dir: &Utf8Path, diags: &mut Diagnostics) -> Vec<Entry> {
    if files.contains_key(dir) {
        diags.push(unusable(format!("{} is not a folder", quote(dir.as_str()))));
    }
    let below = files.keys().filter_map(|path| path.strip_prefix(dir).ok()).filter(|path| !path.as_str().is_empty());
    let hidden = |path: &&Utf8Path| path.components().any(|part| part.as_str().starts_with('.'));
    let file = |path: &Utf8Path| Entry { path: path.to_owned(), kind: EntryKind::File };
    below.filter(|path| !hidden(path)).map(file).collect()
}

/// Reads in parallel, registers in the order given.
fn load_all(
    root: &Root,
    paths: Vec<Utf8PathBuf>,
    links: bool,
    sources: &mut Sources,
    diags: &mut Diagnostics,
) -> Result<Vec<(Utf8PathBuf, FileId)>, SourceError> {
    let taken = AtomicU64::new(0);
    let read: Vec<_> = paths
        .into_par_iter()
        .map(|path| {
            // What is read goes beyond the limit by no more than one file a thread.
            let read = match taken.load(Ordering::Relaxed) > MAX_PROJECT_BYTES {
                true => Ok(Loaded::Beyond),
                false => load_one(root, &path, links),
            };
            if let Ok(Loaded::Text(text)) = &read {
                taken.fetch_add(text.text.len() as u64, Ordering::Relaxed);
            }
            (path, read)
        })
        .collect();
    if taken.into_inner() > MAX_PROJECT_BYTES {
        let message = format!("the project's files are larger than {} MiB together", MAX_PROJECT_BYTES >> 20);
        diags.push(Diagnostic::placeless(codes::LIMIT, message).help("split the project"));
        return Ok(vec![]);
    }
    let mut loaded = vec![];
    for (path, read) in read {
        match read.map_err(|error| SourceError { path: path.clone(), error })? {
            Loaded::Text(text) => {
                let mut found = vec![];
                let file = text.register(&path, sources, &mut found);
                diags.extend(found);
                loaded.extend(file.map(|file| (path, file)));
            }
            // An empty text gives the diagnostic a file to point at.
            Loaded::TooLarge => {
                let span = Span::new(sources.add(&path, String::new()), 0..0);
                let message = format!("{} is larger than {} MiB", quote(path.as_str()), MAX_FILE_BYTES >> 20);
                diags.push(Diagnostic::error(codes::ENCODING, span, message).help("split it into several files"));
            }
            Loaded::Refused(diagnostic) => diags.push(diagnostic),
            Loaded::Beyond => {}
        }
    }
    Ok(loaded)
}

/// What became of a file.
enum Loaded {
    Text(Decoded),
    TooLarge,
    Refused(Diagnostic),
    /// Not read: those before it are too many bytes.
    Beyond,
}

fn load_one(root: &Root, path: &Utf8Path, links: bool) -> std::io::Result<Loaded> {
    // Paths are shown, and written into the headers of generated files.
    if path.as_str().chars().any(is_deceptive) {
        let message = format!("the name {} has an invisible or control character", quote(path.as_str()));
        return Ok(Loaded::Refused(unusable(message).help("rename the file")));
    }
    if let Some(files) = &root.files {
        return match root.instead.get(path).map(String::as_bytes).or(files.get(path).map(Vec::as_slice)) {
            Some(bytes) if bytes.len() as u64 > MAX_FILE_BYTES => Ok(Loaded::TooLarge),
            Some(bytes) => Ok(Loaded::Text(decode(bytes.to_vec()))),
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
    }
    let full = root.dir.join(path);
    if entry_kind(&full)? == Some(EntryKind::Link) {
        if !links {
            return Ok(Loaded::Refused(linked(path)));
        }
        match inside(root, &full) {
            Ok(true) => {}
            Ok(false) => return Ok(Loaded::Refused(outside(path))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let message = format!("{} is a link that leads nowhere", quote(path.as_str()));
                return Ok(Loaded::Refused(unusable(message).help("remove the link, or restore what it leads to")));
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(text) = root.instead.get(path) {
        return Ok(Loaded::Text(decode(text.clone().into_bytes())));
    }
    match read_bytes(&full, MAX_FILE_BYTES) {
        Ok(bytes) => Ok(Loaded::Text(decode(bytes))),
        Err(ReadError::TooLarge) => Ok(Loaded::TooLarge),
        Err(ReadError::NotAFile) => {
            let message = format!("{} is not a regular file", quote(path.as_str()));
            Ok(Loaded::Refused(unusable(message).help("put a file there, or remove it")))
        }
        Err(ReadError::Io(error)) => Err(error),
    }
}

/// Whether a path stays inside of the root when all links are followed.
fn inside(root: &Root, path: &Utf8Path) -> std::io::Result<bool> {
    Ok(path.canonicalize()?.starts_with(root.dir.canonicalize()?))
}

fn unusable(message: String) -> Diagnostic {
    Diagnostic::placeless(codes::PATH, message)
}

fn outside(path: &Utf8Path) -> Diagnostic {
    let message = format!("{} leads outside of the project", quote(path.as_str()));
    unusable(message).help("keep it below the project's root, as a file of its own")
}

fn linked(path: &Utf8Path) -> Diagnostic {
    let message = format!("{} is a symbolic link", quote(path.as_str()));
    unusable(message).help("templates are not read through links: put the file itself there")
}

fn not_utf8(path: &Utf8Path) -> Diagnostic {
    unusable(format!("the name {} is not UTF-8", quote(path.as_str()))).help("rename it")
}

#[cfg(test)]
mod tests;
