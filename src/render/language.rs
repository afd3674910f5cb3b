//! What a template may say: the part of Jinja whose memory is bounded by its input.
//!
//! In: a template's text. Out: the lines that use anything else. The engine counts instructions, not bytes, and a
//! string that doubles needs few instructions; so nothing that makes a larger value out of smaller ones gets in:
//! no captured output (macros, blocks, `set` with a body), no `+`, `*`, `~`, no lists of anything but literals.
//! Refusing too much costs an author a rewording; refusing too little costs the machine.

/// The largest template: several times what any policy needs, and what bounds its literals.
pub const MAX_TEMPLATE_BYTES: usize = 64 << 10;

/// Statements that a template may use.
const STATEMENTS: [&str; 8] = ["for", "endfor", "if", "elif", "else", "endif", "set", "include"];

/// What is not part of the language, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Line, from 1.
    pub line: usize,
    /// What it is.
    pub what: String,
    /// What to write instead.
    pub instead: &'static str,
}

/// The first thing of each `{{ … }}` and `{% … %}` that the language does not have.
pub fn refusals(text: &str) -> Vec<Refusal> {
    let mut found = vec![];
    let mut rest = text;
    while let Some((start, tag)) = next_tag(rest) {
        let inside = rest.get(start + 2..).unwrap_or_default();
        let length = match tag {
            Tag::Comment => inside.find("#}").map(|end| end + 2),
            Tag::Code { statement } => {
                let (end, refusal) = Code::new(inside, statement).read();
                let at = text.len() - inside.len();
                found.extend(refusal.map(|(offset, what, instead)| Refusal {
                    line: text.bytes().take(at + offset).filter(|b| *b == b'\n').count() + 1,
                    what,
                    instead,
                }));
                end
            }
        };
        // Without an end, or in code that was not understood, what follows cannot be read either.
        let Some(length) = length else { break };
        rest = inside.get(length..).unwrap_or_default();
    }
    found
}

enum Tag {
    Comment,
    Code { statement: bool },
}

fn next_tag(text: &str) -> Option<(usize, Tag)> {
    text.as_bytes().windows(2).enumerate().find_map(|(at, pair)| match pair {
        b"{#" => Some((at, Tag::Comment)),
        b"{{" => Some((at, Tag::Code { statement: false })),
        b"{%" => Some((at, Tag::Code { statement: true })),
        _ => None,
    })
}

/// Offset, what is refused, what to write instead.
type Found = (usize, String, &'static str);

/// A reader of the inside of one `{{ … }}` or `{% … %}`.
struct Code<'a> {
    text: &'a str,
    close: &'static str,
    /// The statement's word is still to come.
    expects_statement: bool,
    is_for: bool,
    /// Open parentheses and brackets.
    open: Vec<Open>,
    last: Last<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// Arguments of a filter, test or function.
    Call,
    Group,
    Index,
    /// A list of literals.
    List,
}

/// What the token before was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last<'a> {
    Start,
    Pipe,
    /// An identifier, and whether it may be called: a filter, a test, or `range`.
    Name(&'a str, bool),
    Value,
    Other,
}

/// Words that end no value: what follows is an operand, not an index or arguments.
const OPERATORS: [&str; 6] = ["in", "and", "or", "not", "if", "else"];

impl<'a> Code<'a> {
    fn new(text: &'a str, statement: bool) -> Self {
        let close = if statement { "%}" } else { "}}" };
        Self { text, close, expects_statement: statement, is_for: false, open: vec![], last: Last::Start }
    }

    /// Length up to and with the end, `None` when there is none or it is not certain; and the first refusal.
    fn read(mut self) -> (Option<usize>, Option<Found>) {
        let mut at = usize::from(self.text.starts_with(['-', '+']));
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            let Some(c) = rest.chars().next() else { return (None, None) };
            if rest.starts_with(self.close) {
                return (Some(at + 2), None);
            }
            if c.is_ascii_whitespace() {
                at += 1;
                continue;
            }
            match self.token(rest, c) {
                Ok(length) => at += length,
                Err((what, instead)) => return (None, Some((at, what, instead))),
            }
        }
    }

    /// Length of the token that `rest` starts with.
    fn token(&mut self, rest: &'a str, c: char) -> Result<usize, (String, &'static str)> {
        if c.is_ascii_alphabetic() || c == '_' {
            let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            self.name(rest.get(..length).unwrap_or_default())?;
            return Ok(length);
        }
        if self.expects_statement {
            return Err((format!("`{}`", c.escape_debug()), "start with a statement, as `for` or `if`"));
        }
        match c {
            '"' | '\'' => {
                self.last = Last::Value;
                string_length(rest, c).ok_or_else(|| ("an unterminated string".to_owned(), "close the quotes"))
            }
            '0'..='9' => {
                self.last = Last::Value;
                Ok(rest.bytes().take_while(|b| b.is_ascii_digit()).count())
            }
            '(' | '[' | ')' | ']' => self.bracket(c).map(|()| 1),
            ',' => self.comma().map(|()| 1),
            '|' => self.symbol(Last::Pipe),
            '+' | '-' if rest.get(1..).is_some_and(|next| next.starts_with(self.close)) => self.symbol(Last::Other),
            '.' | '=' | '!' | '<' | '>' | '-' | ':' => self.symbol(Last::Other),
            '+' | '*' | '~' => Err((
                format!("the operator `{c}`"),
                "write texts side by side, use the `join` filter, or `loop.index` and `loop.index0` to count",
            )),
            '{' | '}' => Err((
                "a brace inside an expression".to_owned(),
                "end the expression before it with `}}` or `%}`; maps cannot be written in a template",
            )),
            _ => Err((format!("`{}`", c.escape_debug()), "use names, literals, comparisons and filters")),
        }
    }

    fn symbol(&mut self, last: Last<'a>) -> Result<usize, (String, &'static str)> {
        self.last = last;
        Ok(1)
    }

    fn name(&mut self, word: &'a str) -> Result<(), (String, &'static str)> {
        if self.expects_statement {
            self.expects_statement = false;
            self.is_for = word == "for";
            self.last = Last::Other;
            return match STATEMENTS.contains(&word) {
                true => Ok(()),
                false => Err((format!("the statement `{word}`"), "use `for`, `if`, `set` and `include`")),
            };
        }
        if self.open.last() == Some(&Open::List) {
            return Err(("a list of anything but literals".to_owned(), "loop over what the template is given"));
        }
        if word == "recursive" {
            return Err(("`recursive`".to_owned(), "use one `for` inside another"));
        }
        if word == "in" {
            // From here on a comma makes a tuple.
            self.is_for = false;
        }
        let follows_is = matches!(self.last, Last::Name("is", _));
        let callable = self.last == Last::Pipe || word == "range" || follows_is;
        // `is not` keeps the test still to come.
        self.last = match (follows_is, word) {
            (true, "not") => Last::Name("is", false),
            _ if OPERATORS.contains(&word) => Last::Other,
            _ => Last::Name(word, callable),
        };
        Ok(())
    }

    fn bracket(&mut self, c: char) -> Result<(), (String, &'static str)> {
        let inside_list = self.open.last() == Some(&Open::List);
        match c {
            ')' | ']' => {
                let open = self.open.pop();
                let matches = match open {
                    Some(Open::Call | Open::Group) => c == ')',
                    Some(Open::Index | Open::List) => c == ']',
                    None => false,
                };
                self.last = Last::Value;
                return if matches { Ok(()) } else { Err((format!("`{c}` that closes nothing"), "balance brackets")) };
            }
            _ if inside_list => return Err(("a list of anything but literals".to_owned(), "use a flat list")),
            '(' => match self.last {
                Last::Name(_, true) => self.open.push(Open::Call),
                Last::Name(name, false) => {
                    return Err((format!("the function `{name}`"), "only `range`, filters and tests can be called"));
                }
                Last::Value => return Err(("a call of a value".to_owned(), "only `range` can be called")),
                Last::Start | Last::Pipe | Last::Other => self.open.push(Open::Group),
            },
            _ => match self.last {
                Last::Name(..) | Last::Value => self.open.push(Open::Index),
                Last::Start | Last::Pipe | Last::Other => self.open.push(Open::List),
            },
        }
        self.last = Last::Other;
        Ok(())
    }

    fn comma(&mut self) -> Result<(), (String, &'static str)> {
        self.last = Last::Other;
        match self.open.last() {
            Some(Open::Call | Open::List) => Ok(()),
            None if self.is_for => Ok(()),
            _ => Err(("a tuple".to_owned(), "loop over what the template is given")),
        }
    }
}

/// Length of a string literal, quotes included.
fn string_length(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}
