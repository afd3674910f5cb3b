//! Where text goes. A closed pipe ends the printing, never the program.

use std::io::{self, IsTerminal, Write};

use anstream::AutoStream;
use anstream::stream::{AsLockedWrite, RawStream};

/// Standard output and standard error, colours only where they are wanted.
pub struct Terminal {
    out: Stream<io::Stdout>,
    err: Stream<io::Stderr>,
    progress: bool,
}

struct Stream<S: RawStream + AsLockedWrite> {
    stream: AutoStream<S>,
    closed: bool,
}

impl<S: RawStream + AsLockedWrite> Stream<S> {
    fn write(&mut self, text: &str) {
        // A reader that went away (`| head`) is no failure of ours.
        self.closed |= self.stream.write_all(text.as_bytes()).is_err();
    }
}

impl Terminal {
    /// The process's own streams.
    pub fn new() -> Self {
        let progress = io::stderr().is_terminal();
        Self {
            out: Stream { stream: AutoStream::auto(io::stdout()), closed: false },
            err: Stream { stream: AutoStream::auto(io::stderr()), closed: false },
            progress,
        }
    }

    /// Prints what the command was asked for.
    pub fn print(&mut self, text: &str) {
        if !self.out.closed {
            self.out.write(text);
        }
    }

    /// The same, with a line end.
    pub fn line(&mut self, text: impl AsRef<str>) {
        self.print(text.as_ref());
        self.print("\n");
    }

    /// Tells something about the run.
    pub fn tell(&mut self, text: impl AsRef<str>) {
        if !self.err.closed {
            self.err.write(text.as_ref());
            self.err.write("\n");
        }
    }

    /// Shows what is being done, on a terminal only, until the next words.
    pub fn progress(&mut self, what: &str) {
        if self.progress {
            self.err.write(&format!("\r\u{1b}[2K{what}"));
            let _ = self.err.stream.flush();
        }
    }

    /// Wipes what [`Self::progress`] shows.
    pub fn end_progress(&mut self) {
        if self.progress {
            self.err.write("\r\u{1b}[2K");
            let _ = self.err.stream.flush();
        }
    }

    /// Reports that netpolc could not do its work.
    pub fn fail(&mut self, error: impl std::fmt::Display) -> super::Exit {
        self.end_progress();
        let red = anstyle::AnsiColor::BrightRed.on_default().bold();
        self.tell(format!("{red}error{red:#}: {error}"));
        super::Exit::Failed
    }

    /// Writes out what is still held back; `false` when standard output was closed.
    pub fn finish(&mut self) -> bool {
        self.out.closed |= self.out.stream.flush().is_err();
        !self.out.closed
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}
