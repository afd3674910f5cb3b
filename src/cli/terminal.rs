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
    /// The reader went away (`| head`): nothing more is written, and that is no failure.
    closed: bool,
    /// Why something else could not be written.
    error: Option<io::Error>,
}

impl<S: RawStream + AsLockedWrite> Stream<S> {
    fn write(&mut self, text: &str) {
        if !self.closed && self.error.is_none() {
            let result = self.stream.write_all(text.as_bytes());
            self.note(result);
        }
    }

    fn flush(&mut self) {
        if !self.closed && self.error.is_none() {
            let result = self.stream.flush();
            self.note(result);
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        match result {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            Err(error) => self.error = Some(error),
        }
    }
}

impl Terminal {
    /// The process's own streams.
    pub fn new() -> Self {
        let progress = io::stderr().is_terminal();
        Self {
            out: Stream { stream: AutoStream::auto(io::stdout()), closed: false, error: None },
            err: Stream { stream: AutoStream::auto(io::stderr()), closed: false, error: None },
            progress,
        }
    }

    /// Prints what the command was asked for.
    pub fn print(&mut self, text: &str) {
        self.out.write(text);
    }

    /// The same, with a line end.
    pub fn line(&mut self, text: impl AsRef<str>) {
        self.print(text.as_ref());
        self.print("\n");
    }

    /// Tells something about the run.
    pub fn tell(&mut self, text: impl AsRef<str>) {
        // Where both streams end in one place, they stand there in the order in which they were written.
        self.out.flush();
        self.err.write(text.as_ref());
        self.err.write("\n");
    }

    /// Shows what is being done, on a terminal only, until the next words.
    pub fn progress(&mut self, what: &str) {
        if self.progress {
            self.err.write(&format!("\r\u{1b}[2K{what}"));
            self.err.flush();
        }
    }

    /// Wipes what [`Self::progress`] shows.
    pub fn end_progress(&mut self) {
        if self.progress {
            self.err.write("\r\u{1b}[2K");
            self.err.flush();
        }
    }

    /// Reports that netpolc could not do its work.
    pub fn fail(&mut self, error: impl std::fmt::Display) -> super::Exit {
        self.end_progress();
        let red = anstyle::AnsiColor::BrightRed.on_default().bold();
        self.tell(format!("{red}error{red:#}: {error}"));
        super::Exit::Failed
    }

    /// Writes out what is still held back: how the run ends, once it is known whether its answer could be written.
    pub fn finish(&mut self, exit: super::Exit) -> super::Exit {
        self.out.flush();
        match self.out.error.take() {
            None => exit,
            Some(error) => self.fail(format!("cannot write to standard output: {error}")),
        }
    }

    /// Whether the reader of standard output went away.
    pub fn is_closed(&self) -> bool {
        self.out.closed
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}
