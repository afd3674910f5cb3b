//! Bytes from disk, and text from bytes.
//!
//! In: paths and limits. Out: bytes of regular files, or text that shows as what it is. What may never happen: a read
//! that blocks on a FIFO or a device, a read without a limit, and a text in which a control or invisible character is
//! left: each is replaced, one character for one, so that no message can carry it to a terminal and columns stay right.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};

use super::{FileId, Sources, Span};
use crate::diag::{Diagnostic, codes, is_deceptive, quote};

/// Limit of intents, templates and the project file, in bytes.
pub const MAX_FILE_BYTES: u64 = 8 << 20;

/// Limit of generated files, in bytes.
pub const MAX_GENERATED_BYTES: u64 = 64 << 20;

/// How many intents a project has at most.
pub const MAX_INTENTS: usize = 200_000;

/// Limit of all intents of a project together, and of all its templates, in bytes.
pub const MAX_PROJECT_BYTES: u64 = 256 << 20;

/// Limit of all manifests that one command line names together, in bytes.
pub const MAX_MANIFESTS_BYTES: u64 = 512 << 20;

/// Diagnostics about one text's encoding; more than these help nobody.
const MAX_FLAWS: usize = 10;

/// The system refused to give a file or folder. No fault of the intent, hence no diagnostic.
#[derive(Debug)]
pub struct SourceError {
    /// The path as messages show it.
    pub path: Utf8PathBuf,
    /// What the system says.
    pub error: io::Error,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}: {}", quote(self.path.as_str()), reason(&self.error))
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// An I/O error as the end of a sentence: lower case, without the system's number where the kind says it all.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::Other => error.to_string(),
        kind if kind.to_string() == "uncategorized error" => error.to_string(),
        kind => kind.to_string(),
    }
}

/// Why a file gave no bytes.
#[derive(Debug)]
pub enum ReadError {
    /// A folder, FIFO, socket or device.
    NotAFile,
    /// Larger than the limit.
    TooLarge,
    /// The system refused.
    Io(io::Error),
}

/// What stands at a path; links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, wherever it leads.
    Link,
    /// A FIFO, socket or device.
    Special,
    /// Anything whose name is not UTF-8; its path is shown with replacement characters.
    Unnameable,
}

/// Something below a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Path below that folder.
    pub path: Utf8PathBuf,
    /// What it is.
    pub kind: EntryKind,
}

impl From<std::fs::FileType> for EntryKind {
    fn from(kind: std::fs::FileType) -> Self {
        if kind.is_symlink() {
            Self::Link
        } else if kind.is_dir() {
            Self::Folder
        } else if kind.is_file() {
            Self::File
        } else {
            Self::Special
        }
    }
}

/// What stands at a path, `None` for nothing. Links are not followed.
///
/// # Errors
/// When the system does not tell.
pub fn entry_kind(path: &Utf8Path) -> io::Result<Option<EntryKind>> {
    match path.symlink_metadata() {
        Ok(metadata) => Ok(Some(metadata.file_type().into())),
        Err(error) if is_nothing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the system says where there is nothing: nothing can have a name that it does not take.
fn is_nothing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename)
}

/// Whether something stands at a path, or the system does not tell: then whoever reads it is told why. To take it for
/// missing would be to go on without it.
pub(super) fn may_exist(path: &Utf8Path) -> bool {
    !matches!(entry_kind(path), Ok(None))
}

/// Whether a path is a folder, links followed; a link that leads nowhere is none.
///
/// # Errors
/// When the system does not tell.
pub(super) fn leads_to_folder(path: &Utf8Path) -> Result<bool, SourceError> {
    match path.metadata() {
        Ok(metadata) => Ok(metadata.is_dir()),
        Err(error) if is_nothing(&error) => Ok(false),
        Err(error) => Err(SourceError { path: path.to_owned(), error }),
    }
}

/// Everything below a folder, sorted by path; no link is followed. With `skip_hidden` names that start with a dot are
/// left out with all below them.
///
/// # Errors
/// When a folder cannot be read; the error's path is the folder's own.
pub fn list_tree(dir: &Utf8Path, skip_hidden: bool) -> Result<Vec<Entry>, SourceError> {
    let mut entries = vec![];
    let mut todo = vec![Utf8PathBuf::new()];
    while let Some(below) = todo.pop() {
        let folder = dir.join(&below);
        let failed = |error| SourceError { path: folder.clone(), error };
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let shown = name.to_string_lossy();
            if skip_hidden && shown.starts_with('.') {
                continue;
            }
            let kind = match name.to_str() {
                Some(_) => EntryKind::from(entry.file_type().map_err(failed)?),
                None => EntryKind::Unnameable,
            };
            let path = below.join(shown.as_ref());
            if kind == EntryKind::Folder {
                todo.push(path.clone());
            }
            entries.push(Entry { path, kind });
        }
    }
    entries.sort();
    Ok(entries)
}

/// The bytes of a regular file of at most `limit` bytes; links are followed.
///
/// # Errors
/// When it is no regular file, is larger, or cannot be read.
pub fn read_bytes(path: &Utf8Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let metadata = path.metadata().map_err(ReadError::Io)?;
    // Before opening: to open a FIFO blocks until someone writes.
    if !metadata.is_file() {
        return Err(ReadError::NotAFile);
    }
    if metadata.len() > limit {
        return Err(ReadError::TooLarge);
    }
    let file = std::fs::File::open(path).map_err(ReadError::Io)?;
    let capacity = usize::try_from(metadata.len()).unwrap_or(0) + 1;
    // The size may lie (procfs) or grow, so the limit is held here too.
    read_up_to(file, limit, capacity)
}

/// All bytes of a stream, at most `limit`.
///
/// # Errors
/// When there are more, or it cannot be read.
pub fn read_stream(stream: &mut dyn Read, limit: u64) -> Result<Vec<u8>, ReadError> {
    read_up_to(stream, limit, 0)
}

fn read_up_to(stream: impl Read, limit: u64, capacity: usize) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::with_capacity(capacity);
    stream.take(limit + 1).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    if bytes.len() as u64 > limit { Err(ReadError::TooLarge) } else { Ok(bytes) }
}

/// A text, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Decoded {
    /// UTF-8 with line feeds at line ends, without a byte order mark or deceptive characters.
    pub text: String,
    /// What was replaced: places in `text`.
    flaws: Vec<Flaw>,
    /// Whether a later stage can find more errors in it.
    readable: bool,
}

/// Something replaced in a text.
#[derive(Debug)]
struct Flaw {
    range: Range<usize>,
    message: String,
    help: &'static str,
}

impl Decoded {
    /// Registers the text and reports its flaws. `None` when a later stage cannot make sense of it.
    pub(super) fn register(self, path: &Utf8Path, sources: &mut Sources, out: &mut Vec<Diagnostic>) -> Option<FileId> {
        let file = sources.add(path, self.text);
        let more = self.flaws.len().saturating_sub(MAX_FLAWS);
        for (index, flaw) in self.flaws.into_iter().take(MAX_FLAWS).enumerate() {
            let span = Span::new(file, flaw.range);
            let mut diagnostic = Diagnostic::error(codes::ENCODING, span, flaw.message).help(flaw.help);
            if more > 0 && index + 1 == MAX_FLAWS {
                diagnostic = diagnostic.note(format!("{more} more of its kind in this file"));
            }
            out.push(diagnostic);
        }
        self.readable.then_some(file)
    }
}

/// Turns bytes into text that shows as what it is.
pub fn decode(bytes: Vec<u8>) -> Decoded {
    let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => rest.to_vec(),
        None => bytes,
    };
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes.as_slice() {
        return decode_utf16(&bytes);
    }
    if bytes.iter().all(|b| matches!(b, b'\t' | b'\n' | 0x20..=0x7e)) {
        let text = String::from_utf8(bytes).unwrap_or_default();
        return Decoded { text, flaws: vec![], readable: true };
    }
    decode_utf8(&bytes)
}

fn decode_utf16(bytes: &[u8]) -> Decoded {
    let big = bytes.starts_with(&[0xfe, 0xff]);
    let unit = |pair: &[u8]| {
        let [a, b] = pair else { return 0xfffd };
        if big { u16::from_be_bytes([*a, *b]) } else { u16::from_le_bytes([*a, *b]) }
    };
    let units: Vec<u16> = bytes.chunks(2).skip(1).map(unit).collect();
    let text = decode_utf8(String::from_utf16_lossy(&units).as_bytes()).text;
    let end = text.find('\n').unwrap_or(text.len());
    let help = "save the file as UTF-8";
    let flaw = Flaw { range: 0..end, message: "the file is UTF-16, not UTF-8".to_owned(), help };
    Decoded { text, flaws: vec![flaw], readable: false }
}

fn decode_utf8(bytes: &[u8]) -> Decoded {
    let mut out = Decoded { text: String::with_capacity(bytes.len()), flaws: vec![], readable: true };
    let mut line = 1;
    for chunk in bytes.utf8_chunks() {
        let mut chars = chunk.valid().chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\n' => {
                    line += 1;
                    out.text.push(c);
                }
                // So that a text with CRLF gives the same output, also where a string spans lines.
                '\r' if chars.peek() == Some(&'\n') => {}
                '\t' => out.text.push(c),
                '\0' => {
                    // A file with one NUL has thousands: it is binary, or UTF-16 without its mark.
                    if out.readable {
                        out.replace('\u{fffd}', "NUL in a text file".to_owned(), "save the file as UTF-8 text");
                    } else {
                        out.text.push('\u{fffd}');
                    }
                    out.readable = false;
                }
                c if is_deceptive(c) => {
                    let (name, help, stand_in) = describe(c);
                    out.replace(stand_in, format!("{name} (U+{:04X}) in the text", u32::from(c)), help);
                }
                c => out.text.push(c),
            }
        }
        if let Some(byte) = chunk.invalid().first() {
            let message = format!("invalid UTF-8 on line {line}: byte 0x{byte:02X}");
            out.replace('\u{fffd}', message, "save the file as UTF-8");
        }
    }
    out
}

impl Decoded {
    fn replace(&mut self, stand_in: char, message: String, help: &'static str) {
        let start = self.text.len();
        self.text.push(stand_in);
        self.flaws.push(Flaw { range: start..self.text.len(), message, help });
    }
}

/// What to call a deceptive character, what to do, and what stands in for it. A space stands in for spaces, so that
/// the reader of the language does not report the same place again.
fn describe(c: char) -> (&'static str, &'static str, char) {
    const DELETE: &str = "delete it: it does not show, so the text would not be read as what it says";
    const SPACE: &str = "write a plain space";
    match c {
        '\u{a0}' | '\u{202f}' => ("no-break space", SPACE, ' '),
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{205f}' | '\u{3000}' => ("odd space", SPACE, ' '),
        '\r' => ("bare carriage return", "end lines with a line feed", '\u{fffd}'),
        '\u{1b}' | '\u{9b}' => ("terminal escape", DELETE, '\u{fffd}'),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            ("bidirectional control", DELETE, '\u{fffd}')
        }
        '\u{2028}' | '\u{2029}' => ("line separator", "end lines with a line feed", '\u{fffd}'),
        c if c.is_control() => ("control character", DELETE, '\u{fffd}'),
        _ => ("invisible character", DELETE, '\u{fffd}'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{concise, render};

    fn report(bytes: &[u8]) -> (String, Vec<String>, bool) {
        let mut sources = Sources::default();
        let mut found = vec![];
        let file = decode(bytes.to_vec()).register("intents/app.toml".into(), &mut sources, &mut found);
        for diagnostic in &found {
            let shown = render(diagnostic, &sources, false);
            assert!(!shown.chars().any(|c| c != '\n' && is_deceptive(c)), "{shown:?}");
        }
        let lines = found.iter().map(|d| concise(d, &sources)).collect();
        let text = file.map(|file| sources.get(file).text.to_string());
        (text.clone().unwrap_or_default(), lines, text.is_some())
    }

    #[test]
    fn takes_byte_order_mark_and_crlf_as_plain_text() {
        for bytes in [&b"a = 1\nb = 2\n"[..], b"\xef\xbb\xbfa = 1\nb = 2\n", b"a = 1\r\nb = 2\r\n"] {
            assert_eq!(report(bytes), ("a = 1\nb = 2\n".to_owned(), vec![], true));
        }
        assert_eq!(report("\tgrüße 日本 🎉\n".as_bytes()).1, Vec::<String>::new());
        assert_eq!(report(b""), (String::new(), vec![], true));
    }

    #[test]
    fn names_every_deceptive_character_at_its_place() {
        let (text, lines, readable) = report("é\u{202e}\u{a0}x\n\u{200b}\u{1b}[2J\u{9b}\u{feff}\ra".as_bytes());
        assert_eq!(text, "é\u{fffd} x\n\u{fffd}\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}a");
        assert!(readable);
        let start = "intents/app.toml:";
        let expected = [
            "1:2: error[NP002]: bidirectional control (U+202E) in the text",
            "1:3: error[NP002]: no-break space (U+00A0) in the text",
            "2:1: error[NP002]: invisible character (U+200B) in the text",
            "2:2: error[NP002]: terminal escape (U+001B) in the text",
            "2:6: error[NP002]: terminal escape (U+009B) in the text",
            "2:7: error[NP002]: invisible character (U+FEFF) in the text",
            "2:8: error[NP002]: bare carriage return (U+000D) in the text",
        ];
        assert_eq!(lines, expected.map(|line| format!("{start}{line}")));
    }

    #[test]
    fn names_other_spaces_separators_and_controls() {
        let (text, lines, _) = report("a\u{2003}b\u{2028}c\u{7}".as_bytes());
        assert_eq!(text, "a b\u{fffd}c\u{fffd}");
        let names = ["odd space (U+2003)", "line separator (U+2028)", "control character (U+0007)"];
        for (line, name) in lines.iter().zip(names) {
            assert!(line.contains(name), "{line}");
        }
        assert_eq!(lines.len(), names.len());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn system_errors_are_told_by_their_kind_where_it_has_a_name() {
        // EACCES, and EPROTO, for which there is no kind.
        assert_eq!(reason(&io::Error::from_raw_os_error(13)), "permission denied");
        assert_eq!(reason(&io::Error::from_raw_os_error(71)), "Protocol error (os error 71)");
    }

    #[test]
    fn says_on_which_line_utf8_is_invalid() {
        let (text, lines, readable) = report(b"a = 1\nwhy = \"caf\xe9\"\n");
        assert_eq!(lines, ["intents/app.toml:2:11: error[NP002]: invalid UTF-8 on line 2: byte 0xE9"]);
        assert_eq!(text, "a = 1\nwhy = \"caf\u{fffd}\"\n");
        assert!(readable);
    }

    #[test]
    fn knows_utf16_and_binary_files() {
        for bytes in [&b"\xff\xfea\0=\0\x1b\0\n\0"[..], b"\xfe\xff\0a\0=\0\x1b\0\n\0"] {
            let (_, lines, readable) = report(bytes);
            assert_eq!(lines, ["intents/app.toml:1:1: error[NP002]: the file is UTF-16, not UTF-8"]);
            assert!(!readable);
        }
        assert_eq!(report(b"\xff\xfe").1.len(), 1);
        let (_, lines, readable) = report(b"a\0=\0b\0");
        assert_eq!(lines, ["intents/app.toml:1:2: error[NP002]: NUL in a text file"]);
        assert!(!readable);
    }

    #[test]
    fn stops_after_ten_and_counts_the_rest() {
        let mut sources = Sources::default();
        let mut found = vec![];
        decode("\u{200b}".repeat(25).into_bytes()).register("x".into(), &mut sources, &mut found);
        assert_eq!(found.len(), MAX_FLAWS);
        assert_eq!(found.last().unwrap().notes, ["15 more of its kind in this file"]);
        assert!(found.iter().take(MAX_FLAWS - 1).all(|one| one.notes.is_empty()));
        found.clear();
        decode("\u{200b}".repeat(MAX_FLAWS).into_bytes()).register("x".into(), &mut sources, &mut found);
        assert!(found.iter().all(|one| one.notes.is_empty()));
    }

    #[test]
    fn holds_the_limit_and_reads_regular_files_only() {
        let dir = tempfile::tempdir().unwrap();
        let dir = Utf8Path::from_path(dir.path()).unwrap();
        std::fs::write(dir.join("x"), "12345").unwrap();
        assert_eq!(read_bytes(&dir.join("x"), 5).unwrap(), b"12345");
        assert!(matches!(read_bytes(&dir.join("x"), 4), Err(ReadError::TooLarge)));
        assert!(matches!(read_bytes(dir, 4), Err(ReadError::NotAFile)));
        let Err(ReadError::Io(error)) = read_bytes(&dir.join("y"), 4) else { panic!("it is missing") };
        let error = SourceError { path: "y".into(), error };
        assert_eq!(error.to_string(), "cannot read `y`: no such file or folder");
        let error = SourceError { path: "y".into(), error: std::io::ErrorKind::PermissionDenied.into() };
        assert_eq!(error.to_string(), "cannot read `y`: permission denied");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn holds_the_limit_where_the_size_lies() {
        assert!(matches!(read_bytes("/proc/self/status".into(), 10), Err(ReadError::TooLarge)));
        assert!(matches!(read_bytes("/dev/zero".into(), 10), Err(ReadError::NotAFile)));
    }
}
