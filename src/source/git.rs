//! Files as a git revision has them, by asking `git` itself.
//!
//! In: a folder inside a repository, and a revision as people write it. Out: bytes by their path below that folder. The
//! working tree, the index and the configuration of hooks play no part; nothing is written and nothing is checked out. A
//! revision is always taken for one, never for an option; what is no regular file is named, and never followed out of the
//! repository.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Files, MAX_GENERATED_BYTES};
use crate::diag::{nearest, quote};

/// What hooks set in the environment, to say which repository they are about: ours is that of the folder.
const OF_HOOKS: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
];

/// Modes of tree entries (git, Documentation/git-fast-import.txt: 040000 is a folder, which `ls-tree -r` opens).
const LINK: &str = "120000";
const SUBMODULE: &str = "160000";

/// A commit of the repository that holds a folder.
#[derive(Debug, Clone)]
pub struct Revision {
    /// The folder, absolute.
    dir: Utf8PathBuf,
    /// As it was asked for.
    pub name: String,
    /// The commit's hash.
    pub commit: String,
}

/// Why git gave nothing.
#[derive(Debug)]
pub enum GitError {
    /// There is no git.
    Missing,
    /// It could not be run.
    Io(io::Error),
    /// The folder is in no repository, or in one that git does not trust; what git says of it.
    NoRepository(String),
    /// No commit is called so.
    Unknown {
        /// As it was asked for.
        name: String,
        /// What may have been meant.
        near: Option<String>,
        /// The clone has not the whole history.
        shallow: bool,
    },
    /// Git could not give what it has.
    Failed(String),
}

/// What was read of a revision.
#[derive(Debug, Default)]
pub struct Tree {
    /// Regular files, and links to such, by their path below the folder.
    pub files: Files,
    /// What could not be taken: its path, and what it is.
    pub odd: Vec<(Utf8PathBuf, &'static str)>,
}

impl fmt::Display for GitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("git is not installed, or not on the PATH: a revision is read with it"),
            Self::Io(error) => write!(f, "cannot run git: {}", super::reason(error)),
            Self::NoRepository(said) => write!(f, "the project is in no git repository that can be read: {said}"),
            Self::Unknown { name, near, shallow } => {
                write!(f, "there is no revision {}", quote(name))?;
                if let Some(near) = near {
                    write!(f, "; did you mean {}?", quote(near))?;
                }
                if *shallow {
                    f.write_str(
                        "; this clone is shallow: fetch the revision first, as `git fetch --depth=1 origin main` does, or \
                         clone with its history (`fetch-depth: 0` of actions/checkout, `GIT_DEPTH: 0` in GitLab)",
                    )?;
                }
                Ok(())
            }
            Self::Failed(said) => write!(f, "git could not read the revision: {said}"),
        }
    }
}

impl std::error::Error for GitError {}

impl From<io::Error> for GitError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Io(error),
        }
    }
}

impl Revision {
    /// The commit that a name stands for, in the repository that holds a folder.
    ///
    /// # Errors
    /// When there is no such commit, no repository, or no git.
    pub fn find(dir: &Utf8Path, name: &str) -> Result<Self, GitError> {
        ask(dir, &["rev-parse", "--git-dir"])?.map_err(GitError::NoRepository)?;
        // `^main` and `a..b` are no commit; an empty name would be what stands before `^{commit}`.
        let wanted = format!("{name}^{{commit}}");
        let found = ask(dir, &["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted])?.unwrap_or_default();
        let commit = found.trim();
        if name.is_empty() || commit.is_empty() || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(unknown(dir, name));
        }
        Ok(Self { dir: dir.to_owned(), name: name.to_owned(), commit: commit.to_owned() })
    }

    /// The hash as people write it.
    pub fn short(&self) -> &str {
        self.commit.get(..12).unwrap_or(&self.commit)
    }

    /// What stands at some paths below the folder, and below them.
    ///
    /// # Errors
    /// When git cannot give it, and where a file is too large.
    pub fn read(&self, paths: &[&Utf8Path]) -> Result<Tree, GitError> {
        let mut args = vec!["ls-tree", "-r", "-z", self.commit.as_str(), "--"];
        args.extend(paths.iter().map(|path| path.as_str()));
        let listed = ask_bytes(&self.dir, &args)?.map_err(GitError::Failed)?;
        let mut tree = Tree::default();
        let mut wanted: Vec<(Utf8PathBuf, String)> = vec![];
        for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let Some((path, mode, object)) = entry_of(entry) else {
                tree.odd.push((String::from_utf8_lossy(entry).into_owned().into(), "has no UTF-8 name"));
                continue;
            };
            match mode {
                SUBMODULE => tree.odd.push((path, "is a submodule")),
                LINK => match self.linked(&path)? {
                    Some(object) => wanted.push((path, object)),
                    None => tree.odd.push((path, "is a symbolic link to no file of the repository")),
                },
                _ => wanted.push((path, object.to_owned())),
            }
        }
        let objects: Vec<&str> = wanted.iter().map(|(_, object)| object.as_str()).collect();
        for ((path, _), bytes) in wanted.iter().zip(blobs(&self.dir, &objects)?) {
            match bytes {
                Some(bytes) => {
                    tree.files.insert(path.clone(), bytes);
                }
                None => tree.odd.push((path.clone(), "is too large")),
            }
        }
        Ok(tree)
    }

    /// The object of the file that a link leads to, inside of the repository.
    fn linked(&self, path: &Utf8Path) -> Result<Option<String>, GitError> {
        // A line is a question.
        if path.as_str().contains('\n') {
            return Ok(None);
        }
        let question = format!("{}:./{path}\n", self.commit);
        let args = ["cat-file", "--batch-check=%(objectname) %(objecttype)", "--follow-symlinks"];
        let said = piped(&self.dir, &args, question.into_bytes(), |answer| {
            let mut line = String::new();
            answer.read_line(&mut line)?;
            Ok(line)
        })?;
        // `dangling 12`, `loop 12`, `symlink 5`, `notdir 7` are no objects.
        Ok(said.trim().strip_suffix(" blob").map(str::to_owned))
    }
}

/// `100644 blob 1a2b…<tab>path`.
fn entry_of(entry: &[u8]) -> Option<(Utf8PathBuf, &str, &str)> {
    let (head, path) = std::str::from_utf8(entry).ok()?.split_once('\t')?;
    let mut words = head.split(' ');
    let (mode, _, object) = (words.next()?, words.next()?, words.next()?);
    Some((path.into(), mode, object))
}

/// The bytes of objects, in their order; `None` for what is larger than any file may be.
fn blobs(dir: &Utf8Path, objects: &[&str]) -> Result<Vec<Option<Vec<u8>>>, GitError> {
    if objects.is_empty() {
        return Ok(vec![]);
    }
    let asked: String = objects.iter().map(|object| format!("{object}\n")).collect();
    piped(dir, &["cat-file", "--batch"], asked.into_bytes(), |answer| {
        let mut all = Vec::with_capacity(objects.len());
        for _ in objects {
            let mut head = String::new();
            answer.read_line(&mut head)?;
            let size = head.trim_end().rsplit_once(' ').and_then(|(_, size)| size.parse::<u64>().ok());
            let Some(size) = size else { return Err(io::Error::other(format!("git says: {}", head.trim_end()))) };
            let mut content = answer.take(size + 1);
            if size > MAX_GENERATED_BYTES {
                io::copy(&mut content, &mut io::sink())?;
                all.push(None);
                continue;
            }
            let mut bytes = vec![];
            content.read_to_end(&mut bytes)?;
            // Each ends with a line end of git's own.
            if bytes.pop() != Some(b'\n') {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            all.push(Some(bytes));
        }
        Ok(all)
    })
}

fn unknown(dir: &Utf8Path, name: &str) -> GitError {
    let said = |args: &[&str]| ask(dir, args).ok().and_then(Result::ok).unwrap_or_default();
    let refs = said(&["for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags"]);
    let of_remote = refs.lines().find(|known| known.split_once('/').is_some_and(|(_, branch)| branch == name));
    let near = of_remote.or_else(|| nearest(name, refs.lines())).map(str::to_owned);
    let shallow = said(&["rev-parse", "--is-shallow-repository"]).trim() == "true";
    GitError::Unknown { name: name.to_owned(), near, shallow }
}

fn git(dir: &Utf8Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(dir).args(args).stdin(Stdio::null());
    // Nobody is there to answer a question for a password, where a partial clone lacks an object.
    command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    // Paths are meant as they are.
    command.env("GIT_LITERAL_PATHSPECS", "1");
    OF_HOOKS.iter().for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// What git prints; the error is what it says instead.
fn ask_bytes(dir: &Utf8Path, args: &[&str]) -> Result<Result<Vec<u8>, String>, GitError> {
    let output = git(dir, args).output()?;
    if output.status.success() {
        return Ok(Ok(output.stdout));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().next().unwrap_or_default();
    Ok(Err(line.strip_prefix("fatal: ").unwrap_or(line).to_owned()))
}

fn ask(dir: &Utf8Path, args: &[&str]) -> Result<Result<String, String>, GitError> {
    Ok(ask_bytes(dir, args)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Runs git with questions on its standard input, and reads the answers while they are asked.
fn piped<T>(
    dir: &Utf8Path,
    args: &[&str],
    questions: Vec<u8>,
    read: impl FnOnce(&mut BufReader<std::process::ChildStdout>) -> io::Result<T>,
) -> Result<T, GitError> {
    let mut child = git(dir, args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(GitError::Failed("it has no streams".to_owned()));
    };
    let asking = std::thread::spawn(move || stdin.write_all(&questions));
    let answer = read(&mut BufReader::new(stdout));
    // What it could not be asked, it did not answer either.
    let _ = asking.join();
    child.wait()?;
    answer.map_err(|error| GitError::Failed(error.to_string()))
}
