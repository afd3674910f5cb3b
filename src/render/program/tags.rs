//! A template's text taken apart: what stands between tags, and the words of tags.
//!
//! In: a text. Out: its pieces in their order, or nothing from where a tag holds anything but names, dots and commas.
//! Comments are left out, and the white space that goes with a tag.

/// One piece of a template.
#[derive(Debug, PartialEq)]
pub enum Piece<'t> {
    /// What is written as it is; never empty.
    Text(&'t str),
    /// The words of `{{ … }}`.
    Value(Vec<&'t str>),
    /// The words of `{% … %}`.
    Statement(Vec<&'t str>),
}

/// The pieces of a text.
pub struct Tags<'t> {
    text: &'t str,
    /// What is done.
    at: usize,
    /// The tag before takes the white space behind it.
    trims: bool,
    /// The tag that was found behind the last text: its kind, and where its inside begins.
    tag: Option<(Kind, usize)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Value,
    Statement,
    Comment,
}

impl<'t> Tags<'t> {
    /// Of a text without carriage returns: there the engine's rules differ from place to place.
    pub fn new(text: &'t str) -> Option<Self> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        (!text.contains('\r')).then_some(Self { text, at: 0, trims: false, tag: None })
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The text up to the next tag.
    fn lead(&mut self) -> &'t str {
        if std::mem::take(&mut self.trims) {
            self.at += self.rest().len() - self.rest().trim_start().len();
        }
        let rest = self.rest();
        let Some((start, kind)) = next_tag(rest) else {
            self.at = self.text.len();
            return rest;
        };
        let lead = rest.get(..start).unwrap_or_default();
        let sign = rest.as_bytes().get(start + 2);
        let signed = matches!(sign, Some(b'-' | b'+'));
        let before = self.text.get(..self.at + start).unwrap_or_default();
        let lead = match sign {
            Some(b'-') => lead.trim_end(),
            Some(b'+') => lead,
            _ if kind != Kind::Value && begins_line(before) => until_line(lead),
            _ => lead,
        };
        self.at += start + 2 + usize::from(signed);
        self.tag = Some((kind, self.at));
        lead
    }

    /// Passes over a tag, whose inside begins here. Nothing for a comment.
    fn inside(&mut self, kind: Kind) -> Option<Option<Piece<'t>>> {
        let rest = self.rest();
        let (length, words) = match kind {
            Kind::Comment => (rest.find("#}")?, vec![]),
            Kind::Value => words(rest, "}}")?,
            Kind::Statement => words(rest, "%}")?,
        };
        // The sign stands before the end, and belongs to no word.
        let sign = rest.get(..length).and_then(|inside| inside.as_bytes().last());
        self.at += length + 2;
        match sign {
            Some(b'-') => self.trims = true,
            Some(b'+') => {}
            _ if kind != Kind::Value && self.rest().starts_with('\n') => self.at += 1,
            _ => {}
        }
        Some(match kind {
            Kind::Comment => None,
            Kind::Value => Some(Piece::Value(words)),
            Kind::Statement => Some(Piece::Statement(words)),
        })
    }
}

impl<'t> Iterator for Tags<'t> {
    /// `None` where the text is more than this reads.
    type Item = Option<Piece<'t>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((kind, at)) = self.tag.take() {
                self.at = at;
                match self.inside(kind) {
                    None => return Some(None),
                    Some(None) => {}
                    Some(piece) => return Some(piece),
                }
            } else if self.at == self.text.len() {
                return None;
            } else {
                let lead = self.lead();
                if !lead.is_empty() {
                    return Some(Some(Piece::Text(lead)));
                }
            }
        }
    }
}

fn next_tag(text: &str) -> Option<(usize, Kind)> {
    text.as_bytes().windows(2).enumerate().find_map(|(at, pair)| match pair {
        b"{{" => Some((at, Kind::Value)),
        b"{%" => Some((at, Kind::Statement)),
        b"{#" => Some((at, Kind::Comment)),
        _ => None,
    })
}

/// Whether nothing but white space stands between the beginning of the line and the end.
fn begins_line(text: &str) -> bool {
    text.chars().rev().find(|c| *c == '\n' || !c.is_whitespace()).is_none_or(|c| c == '\n')
}

/// Without the white space of the last line, if nothing else stands there.
fn until_line(lead: &str) -> &str {
    let trimmed = lead.trim_end_matches(|c: char| c != '\n' && c.is_whitespace());
    if trimmed.is_empty() || trimmed.ends_with('\n') { trimmed } else { lead }
}

/// The words of a tag, and the length of its inside with a sign before its end.
fn words<'t>(text: &'t str, end: &str) -> Option<(usize, Vec<&'t str>)> {
    let mut words = vec![];
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let first = rest.bytes().next()?;
        if rest.starts_with(end) {
            return Some((at, words));
        }
        if matches!(first, b'-' | b'+') && rest.get(1..)?.starts_with(end) {
            return Some((at + 1, words));
        }
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let length = match first {
            b'.' | b',' => 1,
            _ => rest.bytes().take_while(|byte| is_word(*byte)).count(),
        };
        match length {
            0 if first.is_ascii_whitespace() => at += 1,
            0 => return None,
            _ => {
                words.push(rest.get(..length)?);
                at += length;
            }
        }
    }
}
