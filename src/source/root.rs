//! Which folder is the project.
//!
//! In: the paths of a command line and the current folder. Out: one root. Nothing is read but the kinds of entries;
//! two paths can never be answered with a root that holds only one of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::read::{EntryKind, SourceError, entry_kind, may_exist};
use crate::diag::{is_deceptive, quote};

/// The project file's name.
pub const PROJECT_FILE: &str = "netpolc.toml";

/// The folder of intents by which a project without a project file is known.
const INTENTS: &str = "intents";

/// The folder of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Absolute path.
    pub dir: Utf8PathBuf,
    /// Absolute path of the project file, where there is one.
    pub project_file: Option<Utf8PathBuf>,
    /// What is read in the place of some files, by their path relative to the root: how the project would be if that were
    /// written. The files themselves must be there.
    pub instead: BTreeMap<Utf8PathBuf, String>,
    /// The project's files by their path relative to the root, where they are not on disk: those of a revision, or those that
    /// somebody hands over. `None`: they are in `dir`.
    pub files: Option<Arc<Files>>,
}

/// Files by their path relative to a root.
pub type Files = BTreeMap<Utf8PathBuf, Vec<u8>>;

/// The paths of a command line are not of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootError {
    /// The first path, and its root.
    pub first: (Utf8PathBuf, Utf8PathBuf),
    /// A path of another root.
    pub other: (Utf8PathBuf, Utf8PathBuf),
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, other, root, second] =
            [&self.first.0, &self.other.0, &self.first.1, &self.other.1].map(|path| quote(path.as_str()));
        write!(f, "{first} belongs to the project in {root}, {other} to the one in {second}; build one at a time")
    }
}

impl std::error::Error for RootError {}

impl Root {
    /// The project in a folder, whatever is above it.
    pub fn at(dir: &Utf8Path) -> Self {
        let file = dir.join(PROJECT_FILE);
        let project_file = may_exist(&file).then_some(file);
        Self { dir: dir.to_owned(), project_file, instead: BTreeMap::new(), files: None }
    }

    /// A project of files that are not on disk. `dir` is what messages call its root.
    pub fn of_files(dir: impl Into<Utf8PathBuf>, files: Files) -> Self {
        let dir = dir.into();
        let project_file = files.contains_key(Utf8Path::new(PROJECT_FILE)).then(|| dir.join(PROJECT_FILE));
        Self { dir, project_file, instead: BTreeMap::new(), files: Some(Arc::new(files)) }
    }

    /// Where the project lies in its git repository: empty where it is the repository, or in none.
    ///
    /// # Errors
    /// As [`Self::repository`].
    pub fn in_repository(&self) -> Result<Utf8PathBuf, SourceError> {
        Ok(self.dir.strip_prefix(self.repository()?).map(Utf8Path::to_owned).unwrap_or_default())
    }

    /// The git repository that the project lies in; its own folder where it lies in none.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn repository(&self) -> Result<&Utf8Path, SourceError> {
        for dir in self.dir.ancestors() {
            let path = dir.join(".git");
            match entry_kind(&path) {
                Ok(Some(_)) => return Ok(dir),
                Ok(None) => {}
                Err(error) => return Err(SourceError { path, error }),
            }
        }
        Ok(&self.dir)
    }

    /// A path of the command line, relative to the root and without `.` and `..`. `None` for one outside.
    pub fn relative(&self, path: &Utf8Path, cwd: &Utf8Path) -> Option<Utf8PathBuf> {
        absolute(path, cwd).strip_prefix(&self.dir).ok().map(Utf8Path::to_owned)
    }
}

/// The project of the given paths, or of the current folder (absolute) where there are none: the nearest ancestor
/// with a project file, else the nearest with a folder `intents`, else the current folder.
///
/// # Errors
/// When the paths have different roots.
pub fn find_root(paths: &[Utf8PathBuf], cwd: &Utf8Path) -> Result<Root, RootError> {
    let Some((first, rest)) = paths.split_first() else { return Ok(root_of(cwd, cwd)) };
    let root = root_of(&absolute(first, cwd), cwd);
    for path in rest {
        let other = root_of(&absolute(path, cwd), cwd);
        if !is_same_place(&root.dir, &other.dir) {
            return Err(RootError { first: (first.clone(), root.dir), other: (path.clone(), other.dir) });
        }
    }
    Ok(root)
}

fn root_of(start: &Utf8Path, cwd: &Utf8Path) -> Root {
    let is_folder =
        |path: &Utf8Path| matches!(entry_kind(path), Ok(Some(EntryKind::Folder | EntryKind::Link)) | Err(_));
    let with_file = start.ancestors().find(|dir| may_exist(&dir.join(PROJECT_FILE)));
    let with_intents = || start.ancestors().find(|dir| is_folder(&dir.join(INTENTS)));
    Root::at(with_file.or_else(with_intents).unwrap_or(cwd))
}

/// Whether two paths are one file or folder, which may have two names, through a link.
pub fn is_same_place(a: &Utf8Path, b: &Utf8Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// An absolute path without `.` and `..`, by its words alone.
fn absolute(path: &Utf8Path, cwd: &Utf8Path) -> Utf8PathBuf {
    let mut out = Utf8PathBuf::new();
    for component in cwd.join(path).components() {
        match component {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// Whether a path that the project file writes stays below a root by its words.
pub fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\\')
        && !path.chars().any(is_deceptive)
        && Utf8Path::new(path).components().all(|part| matches!(part, Utf8Component::Normal(_)))
        && !path.split('/').any(|part| part == ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the given files and folders (ending in `/`).
    fn tree(paths: &[&str]) -> (tempfile::TempDir, Utf8PathBuf) {
        let temp = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::from_path_buf(temp.path().canonicalize().unwrap()).unwrap();
        for path in paths {
            let full = dir.join(path);
            if path.ends_with('/') {
                std::fs::create_dir_all(full).unwrap();
            } else {
                std::fs::create_dir_all(full.parent().unwrap()).unwrap();
                std::fs::write(full, "").unwrap();
            }
        }
        (temp, dir)
    }

    fn root(paths: &[&str], cwd: &Utf8Path) -> Result<Root, RootError> {
        find_root(&paths.iter().map(Utf8PathBuf::from).collect::<Vec<_>>(), cwd)
    }

    /// The root in a folder without a project file.
    fn at(dir: &Utf8Path) -> Root {
        Root { dir: dir.to_owned(), project_file: None, instead: BTreeMap::new(), files: None }
    }

    #[test]
    fn nearest_project_file_wins_over_a_nearer_intents_folder() {
        let (_temp, dir) = tree(&["netpolc.toml", "apps/shop/intents/app.toml"]);
        let found = root(&["apps/shop/intents/app.toml"], &dir).unwrap();
        assert_eq!(found, Root { project_file: Some(dir.join("netpolc.toml")), ..at(&dir) });
        assert_eq!(root(&[], &dir.join("apps/shop")).unwrap(), found);
    }

    #[test]
    fn without_a_project_file_the_parent_of_intents_is_the_root() {
        let (_temp, dir) = tree(&["p/intents/deep/app.toml", "elsewhere/"]);
        let expected = at(&dir.join("p"));
        assert_eq!(root(&["../p/intents/deep/app.toml"], &dir.join("elsewhere")).unwrap(), expected);
        for cwd in ["p", "p/intents", "p/intents/deep"] {
            assert_eq!(root(&[], &dir.join(cwd)).unwrap(), expected, "{cwd}");
            assert_eq!(root(&["."], &dir.join(cwd)).unwrap(), expected, "{cwd}");
        }
        assert_eq!(root(&["p/intents/not-there.toml"], &dir).unwrap(), expected);
    }

    #[test]
    fn else_the_current_folder_is_the_root() {
        let (_temp, dir) = tree(&["app.toml"]);
        assert_eq!(root(&["app.toml"], &dir).unwrap(), at(&dir));
    }

    #[test]
    fn paths_of_two_projects_are_refused() {
        let (_temp, dir) = tree(&["a/intents/x.toml", "a/intents/y.toml", "b/intents/x.toml"]);
        assert!(root(&["a/intents/x.toml", "a/intents/y.toml"], &dir).is_ok());
        let error = root(&["a/intents/x.toml", "b/intents/x.toml"], &dir).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("`a/intents/x.toml` belongs to the project in `/"), "{message}");
        assert!(message.contains("/b`; build one at a time"), "{message}");
    }

    #[test]
    fn a_project_knows_its_place_in_a_repository() {
        let (_temp, dir) =
            tree(&["repo/.git/", "repo/net/shop/netpolc.toml", "repo/tree/.git", "repo/tree/netpolc.toml"]);
        let place = |path: &str| root(&[path], &dir).unwrap().in_repository().unwrap();
        assert_eq!(place("repo/net/shop"), "net/shop");
        assert_eq!(place("repo/tree"), "", "a worktree has a file `.git`");
        let (_temp, dir) = tree(&["netpolc.toml"]);
        assert_eq!(root(&[], &dir).unwrap().in_repository().unwrap(), "");
    }

    #[test]
    fn what_leads_out_of_a_root_by_its_words_is_not_inside() {
        for path in ["a", "a/b.toml", ".hidden/x", "a..b"] {
            assert!(is_inside(path), "{path:?}");
        }
        for path in ["", "..", "../a", "a/../b", "/a", ".", "./a", "a/./b", "a\\b", "a\u{202e}", "a\nb"] {
            assert!(!is_inside(path), "{path:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_and_what_it_leads_to_are_one_place() {
        let (_temp, dir) = tree(&["real/", "other/"]);
        std::os::unix::fs::symlink("real", dir.join("link")).unwrap();
        assert!(is_same_place(&dir.join("real"), &dir.join("link")));
        assert!(is_same_place(&dir.join("gone"), &dir.join("gone")));
        assert!(!is_same_place(&dir.join("real"), &dir.join("other")));
    }

    #[test]
    fn paths_are_made_relative_to_the_root() {
        let (_temp, dir) = tree(&["netpolc.toml", "intents/app.toml"]);
        let found = root(&[], &dir).unwrap();
        let cwd = dir.join("intents");
        assert_eq!(found.relative("./../intents/app.toml".into(), &cwd).unwrap(), "intents/app.toml");
        assert_eq!(found.relative(&dir.join("intents/app.toml"), &cwd).unwrap(), "intents/app.toml");
        assert_eq!(found.relative("../../x".into(), &cwd), None);
    }
}
