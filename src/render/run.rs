//! Walks through a plain template and writes what the engine would write.
//!
//! In: a program, a view, and what rendering may cost. Out: text behind what is there already; or `None` where anything is not
//! as expected, as a name that the view does not have. Nothing is explained here: the engine renders such a document again,
//! from the same limits, and says what is wrong.

use std::fmt::Write as _;

use super::program::{Names, Not, Path, Program, Start, Step};
use super::scalar::{is_plain, yaml_scalar};
use super::unfit;
use crate::dialects::view::{Flat, Node};

/// What one document may cost.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Instructions of the engine.
    pub fuel: usize,
    /// Bytes.
    pub bytes: usize,
}

/// Appends the document to `out`: it ends in one line break, and holds nothing that no file may hold. What is appended where
/// the answer is `None` is worth nothing.
pub fn run(program: &Program, view: &Flat, budget: Budget, out: &mut String) -> Option<()> {
    let start = out.len();
    let places = places(program, view)?;
    let end = start.checked_add(budget.bytes)?;
    let mut run = Run { program, view, places, locals: vec![], loops: vec![], out, end, suspect: false };
    let spent = run.steps(budget.fuel)?;
    let suspect = run.suspect;
    // The engine refuses the instruction that takes the last of the fuel.
    if spent >= budget.fuel {
        return None;
    }
    let length = out.trim_end().len().max(start);
    out.truncate(length);
    let written = out.get(start..)?;
    if written.is_empty() || (suspect || program.suspect) && unfit(written).is_some() {
        return None;
    }
    out.push('\n');
    Some(())
}

/// For each shape and each name of the program the place of the field, from 1; 0 where there is none.
fn places(program: &Program, view: &Flat) -> Option<Vec<u8>> {
    let place = |shape: &[&str], name: &str| match shape.iter().position(|field| *field == name) {
        None => Some(0),
        Some(at) => u8::try_from(at + 1).ok(),
    };
    view.shapes().iter().flat_map(|shape| program.names.iter().map(move |name| place(shape, name))).collect()
}

struct Run<'r> {
    program: &'r Program,
    view: &'r Flat,
    places: Vec<u8>,
    /// Values of the names of the open loops.
    locals: Vec<Node>,
    loops: Vec<Loop>,
    out: &'r mut String,
    /// The longest that `out` may become.
    end: usize,
    /// Something was quoted that may hold what no file may.
    suspect: bool,
}

/// An open loop.
struct Loop {
    names: Names,
    first: u32,
    /// The item of this turn.
    at: u32,
    /// Behind the last item.
    end: u32,
}

impl Run<'_> {
    /// Takes all steps. How many instructions they are for the engine, or a few more.
    fn steps(&mut self, fuel: usize) -> Option<usize> {
        let program = self.program;
        let mut spent = 0;
        let mut at = 0;
        while let Some(step) = program.steps.get(at) {
            at += 1;
            match step {
                Step::Text(start, end) => {
                    spent += 1;
                    self.write(program.text.get(*start..*end)?)?;
                }
                Step::Write(path) => {
                    spent += path.cost() + 1;
                    match self.value(path)? {
                        Node::Text(start, length) => self.scalar(self.view.text(start, length)?)?,
                        Node::Flag(flag) => self.write(if flag { "true" } else { "false" })?,
                        Node::Number(number) => self.number(number)?,
                        Node::Nothing | Node::List(..) | Node::Tuple(..) | Node::Struct(..) => return None,
                    }
                }
                Step::Unless(path, not, to) => {
                    spent += path.cost() + 1 + usize::from(*not == Not::Yes);
                    if self.holds(path)? == (*not == Not::Yes) {
                        at = *to;
                    }
                }
                Step::Jump(to) => {
                    spent += 1;
                    at = *to;
                }
                Step::Loop(path, names, to) => {
                    spent += path.cost() + 1;
                    let (Node::List(first, length) | Node::Tuple(first, length)) = self.value(path)? else {
                        return None;
                    };
                    if length == 0 {
                        at = *to;
                        continue;
                    }
                    self.loops.push(Loop { names: *names, first, at: first, end: first.checked_add(length)? });
                    spent += self.enter()?;
                }
                Step::Next(body) => {
                    let turn = self.loops.last_mut()?;
                    turn.at += 1;
                    // Back to the list, and whether it has another item.
                    spent += 2;
                    self.locals.truncate(self.locals.len().checked_sub(turn.names.count())?);
                    if turn.at == turn.end {
                        self.loops.pop();
                        continue;
                    }
                    spent += self.enter()?;
                    at = *body;
                    // Between two turns no more is done than the template has steps.
                    if spent >= fuel {
                        return None;
                    }
                }
            }
        }
        Some(spent)
    }

    /// Names the item of this turn. What that costs.
    fn enter(&mut self) -> Option<usize> {
        let turn = self.loops.last()?;
        let item = self.view.node(turn.at)?;
        match (turn.names, item) {
            (Names::One, item) => {
                self.locals.push(item);
                Some(1)
            }
            (Names::Two, Node::List(first, 2) | Node::Tuple(first, 2)) => {
                self.locals.push(self.view.node(first)?);
                self.locals.push(self.view.node(first.checked_add(1)?)?);
                Some(3)
            }
            (Names::Two, _) => None,
        }
    }

    fn value(&self, path: &Path) -> Option<Node> {
        let start = match path.start {
            Start::Given => self.view.root(),
            Start::Local(at) => *self.locals.get(at)?,
            Start::First => self.loops.last().map(|turn| Node::Flag(turn.at == turn.first))?,
            Start::Last => self.loops.last().map(|turn| Node::Flag(turn.at + 1 == turn.end))?,
        };
        path.fields.iter().try_fold(start, |node, name| match node {
            Node::Struct(shape, first) => {
                let place = *self.places.get(shape as usize * self.program.names.len() + name)?;
                self.view.node(first.checked_add(u32::from(place).checked_sub(1)?)?)
            }
            _ => None,
        })
    }

    fn holds(&self, path: &Path) -> Option<bool> {
        Some(match self.value(path)? {
            Node::Nothing => false,
            Node::Flag(flag) => flag,
            Node::Number(number) => number != 0,
            Node::Text(_, length) | Node::List(_, length) | Node::Tuple(_, length) => length != 0,
            Node::Struct(shape, _) => !self.view.shapes().get(shape as usize)?.is_empty(),
        })
    }

    fn scalar(&mut self, text: &str) -> Option<()> {
        if is_plain(text) {
            return self.write(text);
        }
        let scalar = yaml_scalar(text);
        // Tabs and carriage returns are escaped.
        self.suspect |= scalar.contains('$');
        self.write(&scalar)
    }

    fn number(&mut self, number: u32) -> Option<()> {
        write!(self.out, "{number}").ok()?;
        (self.out.len() <= self.end).then_some(())
    }

    fn write(&mut self, text: &str) -> Option<()> {
        if self.end - self.out.len() < text.len() {
            return None;
        }
        self.out.push_str(text);
        Some(())
    }
}

impl Names {
    fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

impl Path {
    /// Instructions of the engine: one for each name, the first one's included.
    fn cost(&self) -> usize {
        match self.start {
            Start::Given => self.fields.len(),
            Start::Local(_) => 1 + self.fields.len(),
            Start::First | Start::Last => 2,
        }
    }
}
