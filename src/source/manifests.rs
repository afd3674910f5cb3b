//! Loading manifests that a command line names: files, folders, standard input.
//!
//! In: paths. Out: ids of texts in the order of the command line, those of a folder in the order of their paths. What may
//! never happen: a text that a folder reaches through a link that leads out of it, and a manifest left out without a word.

use std::collections::BTreeSet;
use std::io::Read;

use camino::{Utf8Path, Utf8PathBuf};

use super::read::{
    EntryKind, MAX_GENERATED_BYTES, MAX_MANIFESTS_BYTES, ReadError, SourceError, decode, entry_kind, leads_to_folder,
    list_tree, read_bytes, read_stream,
};
use super::{FileId, Root, Sources};
use crate::diag::{Diagnostic, Diagnostics, codes, is_deceptive, quote};

/// The path that means standard input.
const STANDARD_INPUT: &str = "-";

/// How messages call what was read from there.
pub const STANDARD_INPUT_SHOWN: &str = "<stdin>";

/// Endings of manifests in a folder.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Loads files, the `*.yaml`, `*.yml` and `*.json` below folders, and `-` for standard input; what is named twice is loaded
/// once. Below folders, names that start with a dot are skipped. A file that cannot be read as text is reported and left
/// out, so a caller stops at errors before it gives the rest a meaning.
///
/// # Errors
/// When the system refuses a file or folder.
pub fn load_manifests(
    paths: &[Utf8PathBuf],
    stdin: &mut dyn Read,
    sources: &mut Sources,
    diags: &mut Diagnostics,
) -> Result<Vec<FileId>, SourceError> {
    load(paths, None, stdin, sources, diags)
}

/// The same for manifests beside a project: messages show files of the project as its other files, relative to its root.
/// `base`: the folder that relative paths start from.
///
/// # Errors
/// When the system refuses a file or folder.
pub fn load_inventory(
    root: &Root,
    base: &Utf8Path,
    paths: &[Utf8PathBuf],
    stdin: &mut dyn Read,
    sources: &mut Sources,
    diags: &mut Diagnostics,
) -> Result<Vec<FileId>, SourceError> {
    let place = |path: &Utf8PathBuf| match path == STANDARD_INPUT {
        true => path.clone(),
        false => base.join(path),
    };
    let places: Vec<Utf8PathBuf> = paths.iter().map(place).collect();
    load(&places, Some(&root.dir), stdin, sources, diags).map_err(|error| {
        let path = error.path.strip_prefix(&root.dir).map(Utf8Path::to_owned).unwrap_or(error.path);
        SourceError { path, error: error.error }
    })
}

/// The manifests that [`load_manifests`] would load of a folder, by their paths below it, where there is nothing to say of any
/// name: else `None`.
pub fn list_manifests(dir: &Utf8Path) -> Option<Vec<Utf8PathBuf>> {
    let mut manifests = vec![];
    for entry in list_tree(dir, true).ok()? {
        match entry.kind {
            EntryKind::Unnameable | EntryKind::Link => return None,
            EntryKind::Folder => {}
            _ if !is_manifest(&entry.path) => {}
            _ if dir.join(&entry.path).as_str().chars().any(is_deceptive) => return None,
            _ => manifests.push(entry.path),
        }
    }
    (!manifests.is_empty()).then_some(manifests)
}

fn is_manifest(path: &Utf8Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

fn load(
    paths: &[Utf8PathBuf],
    root: Option<&Utf8Path>,
    stdin: &mut dyn Read,
    sources: &mut Sources,
    diags: &mut Diagnostics,
) -> Result<Vec<FileId>, SourceError> {
    let mut loader = Loader { root, sources, diags, files: vec![], seen: BTreeSet::new(), taken: 0 };
    for path in paths {
        if path == STANDARD_INPUT {
            loader.stdin(stdin)?;
        } else if path.is_dir() {
            loader.folder(path)?;
        } else {
            loader.file(path)?;
        }
    }
    Ok(loader.files)
}

struct Loader<'r> {
    /// What shown paths are relative to, where they are below it.
    root: Option<&'r Utf8Path>,
    sources: &'r mut Sources,
    diags: &'r mut Diagnostics,
    files: Vec<FileId>,
    /// Where the files are, links followed.
    seen: BTreeSet<Utf8PathBuf>,
    /// Bytes of all texts.
    taken: u64,
}

impl Loader<'_> {
    /// A path as messages show it.
    fn shown<'p>(&self, path: &'p Utf8Path) -> &'p Utf8Path {
        self.root.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(path)
    }

    fn stdin(&mut self, stdin: &mut dyn Read) -> Result<(), SourceError> {
        if !self.seen.insert(STANDARD_INPUT.into()) {
            return Ok(());
        }
        let shown = Utf8Path::new(STANDARD_INPUT_SHOWN);
        self.register(shown, read_stream(stdin, MAX_GENERATED_BYTES))
    }

    fn folder(&mut self, dir: &Utf8Path) -> Result<(), SourceError> {
        let whole = dir.canonicalize_utf8().map_err(|error| SourceError { path: dir.to_owned(), error })?;
        let mut found = false;
        for entry in list_tree(dir, true)? {
            let path = dir.join(&entry.path);
            let is_manifest = is_manifest(&path);
            let shown = self.shown(&path);
            let problem = match entry.kind {
                EntryKind::Unnameable => {
                    Some((format!("the name {} is not UTF-8", quote(shown.as_str())), "rename it"))
                }
                EntryKind::Link if leads_to_folder(&path)? => {
                    let message = format!("{} is a link to a folder", quote(shown.as_str()));
                    Some((message, "name that folder on the command line too, or remove the link"))
                }
                EntryKind::Link if is_manifest && !leads_into(&path, &whole) => {
                    let message = format!(
                        "{} is a link that leads out of {}",
                        quote(shown.as_str()),
                        quote(self.shown(dir).as_str())
                    );
                    Some((message, "name the file itself on the command line, or remove the link"))
                }
                _ => None,
            };
            match problem {
                Some((message, help)) => self.diags.push(Diagnostic::placeless(codes::PATH, message).help(help)),
                None if is_manifest && entry.kind != EntryKind::Folder => self.file(&path)?,
                None => continue,
            }
            found = true;
        }
        if !found {
            let message = format!("{} holds no manifest", quote(self.shown(dir).as_str()));
            let help = "a folder's manifests end in `.yaml`, `.yml` or `.json`; other files can be named themselves";
            self.diags.push(Diagnostic::placeless(codes::PATH, message).help(help));
        }
        Ok(())
    }

    fn file(&mut self, path: &Utf8Path) -> Result<(), SourceError> {
        if path.as_str().chars().any(is_deceptive) {
            let message =
                format!("the name {} has an invisible or control character", quote(self.shown(path).as_str()));
            self.diags.push(Diagnostic::placeless(codes::PATH, message).help("rename the file"));
            return Ok(());
        }
        let place = path.canonicalize().map_err(|error| SourceError { path: path.to_owned(), error })?;
        // Told where it was gone beyond.
        if self.taken > MAX_MANIFESTS_BYTES {
            return Ok(());
        }
        // A place that is not UTF-8 has no other name on the command line than this one.
        if self.seen.insert(Utf8PathBuf::from_path_buf(place).unwrap_or_else(|_| path.to_owned())) {
            self.register(path, read_bytes(path, MAX_GENERATED_BYTES))?;
        }
        Ok(())
    }

    fn register(&mut self, path: &Utf8Path, read: Result<Vec<u8>, ReadError>) -> Result<(), SourceError> {
        let problem = match read {
            Ok(bytes) => {
                self.taken += bytes.len() as u64;
                if self.taken > MAX_MANIFESTS_BYTES {
                    let message = format!("the manifests are larger than {} MiB together", MAX_MANIFESTS_BYTES >> 20);
                    let error = Diagnostic::placeless(codes::LIMIT, message);
                    self.diags.push(error.help("read fewer at a time: those of some namespaces"));
                    return Ok(());
                }
                let mut found = vec![];
                let shown = self.root.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(path);
                self.files.extend(decode(bytes).register(shown, self.sources, &mut found));
                self.diags.extend(found);
                return Ok(());
            }
            Err(ReadError::Io(error)) => return Err(SourceError { path: path.to_owned(), error }),
            Err(ReadError::NotAFile) => {
                let message = format!("{} is not a regular file", quote(self.shown(path).as_str()));
                Diagnostic::placeless(codes::PATH, message).help("name a file, a folder, or `-` for standard input")
            }
            Err(ReadError::TooLarge) => {
                let message =
                    format!("{} is larger than {} MiB", quote(self.shown(path).as_str()), MAX_GENERATED_BYTES >> 20);
                Diagnostic::placeless(codes::ENCODING, message).help("split it into several files")
            }
        };
        self.diags.push(problem);
        Ok(())
    }
}

/// Whether a link leads to something below a folder; `false` also when it leads nowhere.
fn leads_into(path: &Utf8Path, folder: &Utf8Path) -> bool {
    entry_kind(path).is_ok_and(|kind| kind.is_some())
        && path.canonicalize().is_ok_and(|place: std::path::PathBuf| place.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::diag::concise;

    struct Loaded {
        texts: Vec<(String, String)>,
        messages: Vec<String>,
    }

    fn load(dir: &Utf8Path, names: &[&str], mut stdin: &[u8]) -> Result<Loaded, SourceError> {
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::default());
        let place = |name: &&str| if *name == "-" { Utf8PathBuf::from("-") } else { dir.join(name) };
        let paths: Vec<Utf8PathBuf> = names.iter().map(place).collect();
        let files = load_manifests(&paths, &mut stdin, &mut sources, &mut diags)?;
        let below = |path: &Utf8Path| path.strip_prefix(dir).unwrap_or(path).to_string();
        let texts = files.iter().map(|id| (below(sources.path(*id)), sources.get(*id).text.to_string())).collect();
        let prefix = format!("{dir}/");
        let messages = diags.iter().map(|d| concise(d, &sources).replace(&prefix, "")).collect();
        Ok(Loaded { texts, messages })
    }

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Utf8PathBuf) {
        let temp = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::from_path_buf(temp.path().canonicalize().unwrap()).unwrap();
        for (path, text) in files {
            fs::create_dir_all(dir.join(path).parent().unwrap()).unwrap();
            fs::write(dir.join(path), text).unwrap();
        }
        (temp, dir)
    }

    #[test]
    fn loads_in_the_order_of_the_command_line_and_folders_by_path() {
        let files = ["d/b.yml", "d/a/z.JSON", "d/a.yaml", "d/.git/x.yaml", "d/README.md", "odd.txt"];
        let (_temp, dir) = folder(&files.map(|path| (path, path)));
        let loaded = load(&dir, &["odd.txt", "d", "-", "d/b.yml", "-"], b"from a pipe").unwrap();
        let names: Vec<&str> = loaded.texts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["odd.txt", "d/a/z.JSON", "d/a.yaml", "d/b.yml", "<stdin>"]);
        assert_eq!(loaded.texts.last().unwrap().1, "from a pipe");
        assert_eq!(loaded.messages, [""; 0]);
    }

    #[test]
    fn says_what_is_missing_and_what_is_empty() {
        let (_temp, dir) = folder(&[("d/README.md", "")]);
        let error = load(&dir, &["gone.yaml"], b"").err().unwrap();
        assert!(error.to_string().ends_with("gone.yaml`: no such file or folder"), "{error}");
        let loaded = load(&dir, &["d"], b"").unwrap();
        assert!(loaded.messages[0].contains("d` holds no manifest"), "{:?}", loaded.messages);
    }

    #[test]
    fn text_that_does_not_show_as_what_it_is_is_reported_for_standard_input_too() {
        let (_temp, dir) = folder(&[]);
        let loaded = load(&dir, &["-"], b"a: \xe2\x80\xae1").unwrap();
        assert!(loaded.messages[0].starts_with("<stdin>:1:4: error[NP002]"), "{:?}", loaded.messages);
    }

    #[cfg(unix)]
    #[test]
    fn no_link_leads_out_of_a_folder() {
        use std::os::unix::fs::symlink;
        let (_temp, dir) = folder(&[("d/real/a.yaml", "a"), ("secret.yaml", "s"), ("other/x.yaml", "x")]);
        symlink("real/a.yaml", dir.join("d/again.yaml")).unwrap();
        symlink("../secret.yaml", dir.join("d/out.yaml")).unwrap();
        symlink("nowhere", dir.join("d/broken.yaml")).unwrap();
        symlink("../other", dir.join("d/folder")).unwrap();
        let loaded = load(&dir, &["d"], b"").unwrap();
        assert_eq!(loaded.texts, [("d/again.yaml".to_owned(), "a".to_owned())]);
        let expected = [
            "d/broken.yaml` is a link that leads out",
            "d/folder` is a link to a folder",
            "d/out.yaml` is a link that",
        ];
        assert_eq!(loaded.messages.len(), 3);
        for (message, part) in loaded.messages.iter().zip(expected) {
            assert!(message.contains(part), "{message}");
        }
        // Named itself, a link is the file that it leads to.
        assert_eq!(load(&dir, &["d/out.yaml"], b"").unwrap().texts.len(), 1);
    }
}
