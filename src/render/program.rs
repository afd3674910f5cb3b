//! The plain part of the template language, read once instead of interpreted for each of many thousand policies.
//!
//! In: the text of a template that the engine takes. Out: a flat program that [`super::run`] walks through, or nothing where
//! the template says more than texts, paths, loops over lists and conditions on paths; the engine renders it then. The program
//! writes what the engine writes, to the byte: white space around tags goes as its lexer has it (minijinja,
//! compiler/lexer.rs, with `trim_blocks` and `lstrip_blocks`), and names are found as its contexts find them.

mod tags;

use tags::{Piece, Tags};

/// Loops inside of loops. The engine has a limit of its own for all nesting.
const MAX_LOOPS: usize = 16;

/// A template as a list of steps.
#[derive(Debug)]
pub struct Program {
    /// What the steps say.
    pub steps: Vec<Step>,
    /// All text between tags.
    pub text: String,
    /// Names that paths ask for.
    pub names: Vec<String>,
    /// The text may hold what no file may, alone or beside what is written between.
    pub suspect: bool,
}

/// One step.
#[derive(Debug)]
pub enum Step {
    /// Writes the program's text from here to there.
    Text(usize, usize),
    /// Writes a value.
    Write(Path),
    /// Goes on elsewhere unless the path holds, or with `not` if it does.
    Unless(Path, Not, usize),
    /// Goes on elsewhere.
    Jump(usize),
    /// Begins a loop, or goes on behind it where there is nothing in the list.
    Loop(Path, Names, usize),
    /// Goes on with the next item of the innermost loop and the step after its beginning, or ends the loop.
    Next(usize),
}

/// Whether a condition is turned round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Not {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// What the items of a loop are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// One name for each.
    One,
    /// Two names, for the two parts of each.
    Two,
}

/// Where a value is found.
#[derive(Debug)]
pub struct Path {
    /// Where to begin.
    pub start: Start,
    /// Numbers of the names of fields, one inside the other.
    pub fields: Vec<usize>,
}

/// Where a path begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// In what the template is given.
    Given,
    /// In a name of a loop, counted from the outermost loop.
    Local(usize),
    /// `loop.first`.
    First,
    /// `loop.last`.
    Last,
}

/// Words that are no names, or not in every place.
const WORDS: [&str; 15] =
    ["true", "True", "false", "False", "none", "None", "loop", "self", "in", "and", "or", "not", "is", "if", "else"];

/// The program of a template's text, if it is plain.
pub fn program(text: &str) -> Option<Program> {
    let mut compiler = Compiler::default();
    for piece in Tags::new(text)? {
        match piece? {
            Piece::Text(text) => compiler.text(text),
            Piece::Value(words) => {
                let path = compiler.path(&words)?;
                compiler.program.push(Step::Write(path));
            }
            Piece::Statement(words) => compiler.statement(&words)?,
        }
    }
    let Compiler { program: steps, text, names, open, .. } = compiler;
    let suspect = text.contains(['\t', '\r', '$']);
    open.is_empty().then_some(Program { steps, text, names, suspect })
}

#[derive(Default)]
struct Compiler<'t> {
    program: Vec<Step>,
    text: String,
    names: Vec<String>,
    /// Statements that have not ended.
    open: Vec<Open>,
    /// Names of the open loops.
    locals: Vec<&'t str>,
}

enum Open {
    Loop {
        /// Its first step.
        start: usize,
        /// Names before it.
        locals: usize,
    },
    If {
        /// The last condition, from which it goes on at the next branch.
        condition: Option<usize>,
        /// Ends of branches, from which it goes on behind all.
        ends: Vec<usize>,
    },
}

impl<'t> Compiler<'t> {
    fn text(&mut self, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.program.push(Step::Text(start, self.text.len()));
    }

    fn statement(&mut self, words: &[&'t str]) -> Option<()> {
        match words {
            ["for", name, "in", path @ ..] => self.start_loop(path, Names::One, &[name]),
            ["for", key, ",", value, "in", path @ ..] => self.start_loop(path, Names::Two, &[key, value]),
            ["endfor"] => self.end_loop(),
            ["if", condition @ ..] => {
                let at = self.condition(condition)?;
                self.open.push(Open::If { condition: Some(at), ends: vec![] });
                Some(())
            }
            ["elif", condition @ ..] => {
                self.next_branch()?;
                let at = self.condition(condition)?;
                match self.open.last_mut() {
                    Some(Open::If { condition, .. }) => *condition = Some(at),
                    _ => return None,
                }
                Some(())
            }
            ["else"] => self.next_branch(),
            ["endif"] => {
                let here = self.program.len();
                let Open::If { condition, ends } = self.open.pop()? else { return None };
                for at in ends.into_iter().chain(condition) {
                    self.aim(at, here)?;
                }
                Some(())
            }
            _ => None,
        }
    }

    fn start_loop(&mut self, path: &[&'t str], names: Names, locals: &[&'t str]) -> Option<()> {
        let path = self.path(path)?;
        let loops = self.open.iter().filter(|open| matches!(open, Open::Loop { .. })).count();
        if loops == MAX_LOOPS || !locals.iter().all(|name| is_name(name)) {
            return None;
        }
        self.open.push(Open::Loop { start: self.program.len(), locals: self.locals.len() });
        self.locals.extend(locals);
        self.program.push(Step::Loop(path, names, 0));
        Some(())
    }

    fn end_loop(&mut self) -> Option<()> {
        let Open::Loop { start, locals } = self.open.pop()? else { return None };
        self.program.push(Step::Next(start + 1));
        self.locals.truncate(locals);
        self.aim(start, self.program.len())
    }

    /// Pushes a condition; its place.
    fn condition(&mut self, words: &[&'t str]) -> Option<usize> {
        let (not, path) = match words {
            ["not", path @ ..] => (Not::Yes, path),
            path => (Not::No, path),
        };
        let path = self.path(path)?;
        self.program.push(Step::Unless(path, not, 0));
        Some(self.program.len() - 1)
    }

    /// Ends a branch, and lets the condition before it go on here.
    fn next_branch(&mut self) -> Option<()> {
        let end = self.program.len();
        self.program.push(Step::Jump(0));
        let Some(Open::If { condition, ends }) = self.open.last_mut() else { return None };
        ends.push(end);
        // Behind `else` there is no further branch.
        let before = condition.take()?;
        self.aim(before, end + 1)
    }

    fn aim(&mut self, at: usize, target: usize) -> Option<()> {
        match self.program.get_mut(at)? {
            Step::Unless(_, _, to) | Step::Jump(to) | Step::Loop(_, _, to) => *to = target,
            Step::Text(..) | Step::Write(_) | Step::Next(_) => return None,
        }
        Some(())
    }

    fn path(&mut self, words: &[&'t str]) -> Option<Path> {
        let (first, rest) = words.split_first()?;
        if *first == "loop" {
            let within = self.open.iter().any(|open| matches!(open, Open::Loop { .. }));
            let start = match rest {
                [".", "first"] if within => Start::First,
                [".", "last"] if within => Start::Last,
                _ => return None,
            };
            return Some(Path { start, fields: vec![] });
        }
        if !is_name(first) {
            return None;
        }
        let mut fields = vec![];
        let start = match self.locals.iter().rposition(|name| name == first) {
            Some(at) => Start::Local(at),
            None => {
                fields.push(self.name(first));
                Start::Given
            }
        };
        let (pairs, more) = rest.as_chunks::<2>();
        if !more.is_empty() {
            return None;
        }
        for [dot, name] in pairs {
            if *dot != "." || !is_name(name) {
                return None;
            }
            fields.push(self.name(name));
        }
        Some(Path { start, fields })
    }

    fn name(&mut self, name: &str) -> usize {
        let known = self.names.iter().position(|known| known == name);
        known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !WORDS.contains(&word)
}
