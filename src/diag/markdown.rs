//! Text as it may stand in the Markdown of GitHub and GitLab, whoever wrote it.
//!
//! In: any text, words in backticks among it. Out: Markdown for one line (a paragraph, a list item, a cell of a table) that
//! shows this text and does nothing else: no link, image, HTML, formula, list, mention, reference or command comes of it.
//!
//! Both services look for mentions and references (`@team`, `#12`, `!12`, `~label`) in the text that Markdown became, where
//! backslashes and entities are gone, and in nothing that is code (`ReferenceFilter` in GitLab's `lib/banzai`, github/markup
//! issue 1168). Addresses become links without any brackets (the extended autolinks of GitHub Flavored Markdown), and a line of
//! a GitLab note that begins with `/` is a command. So each word that is more than letters and plain punctuation is written
//! as code.

use super::is_deceptive;

/// A text for one line. What stands in backticks, as [`super::quote`] writes it, becomes code as a whole. It is not meant for
/// the inside of HTML, where nothing is read as Markdown.
pub fn escape(text: &str) -> String {
    let mut line = Line::default();
    let last = text.matches('`').count();
    for (position, part) in text.split('`').enumerate() {
        match (position % 2 == 1, position == last) {
            (true, false) if part.is_empty() => line.code("``"),
            (true, false) => line.code(part),
            (true, true) => {
                line.code("`");
                line.words(part);
            }
            (false, _) => line.words(part),
        }
    }
    line.end()
}

/// A text as code, whatever is in it.
pub fn code(text: &str) -> String {
    let mut line = Line::default();
    line.code(text);
    line.end()
}

/// A line that grows. Code is held back until something else follows: two pieces of code that touch would be read as one.
#[derive(Default)]
struct Line {
    text: String,
    code: String,
}

impl Line {
    fn code(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                _ if is_space(c) => self.code.push(' '),
                _ if is_deceptive(c) => self.code.extend(c.escape_unicode()),
                _ => self.code.push(c),
            }
        }
    }

    fn words(&mut self, text: &str) {
        for (position, word) in text.split(is_space).enumerate() {
            if position > 0 {
                self.space();
            }
            if is_plain(word) {
                self.flush();
                self.text.push_str(word);
            } else {
                self.code(word);
            }
        }
    }

    fn space(&mut self) {
        self.flush();
        if !self.text.is_empty() && !self.text.ends_with(' ') {
            self.text.push(' ');
        }
    }

    /// Code ends at a backtick and is no place for the bar that ends a cell: these stand between pieces, as entities.
    fn flush(&mut self) {
        let code = std::mem::take(&mut self.code);
        for piece in code.split_inclusive(['`', '|']) {
            let inside = piece.trim_end_matches(['`', '|']);
            // One space at both ends is taken for a margin.
            let margin =
                if inside.starts_with(' ') && inside.ends_with(' ') && !inside.trim().is_empty() { " " } else { "" };
            if !inside.is_empty() {
                self.text.extend(["`", margin, inside, margin, "`"]);
            }
            match piece.chars().next_back() {
                Some('`') => self.text.push_str("&#96;"),
                Some('|') => self.text.push_str("&#124;"),
                _ => {}
            }
        }
    }

    fn end(mut self) -> String {
        self.flush();
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Whether a word means nothing to any reader of Markdown: letters and digits between plain punctuation. No number with a stop,
/// which begins a list; no `word.word`, which may be an address; no `word-12`, which may be an issue; nothing that may be
/// the hash of a commit.
fn is_plain(word: &str) -> bool {
    let word = word.trim_start_matches(['(', '"', '\'']);
    let core = word.trim_end_matches([')', '"', '\'', '.', ',', ';', ':', '?']);
    let after = word.get(core.len()..).unwrap_or_default();
    let digit = |c: char| c.is_ascii_digit();
    if !core.is_empty() && core.chars().all(digit) && after.starts_with(['.', ')']) {
        return false;
    }
    let is_hash = core.len() >= 7 && core.chars().all(|c| c.is_ascii_hexdigit());
    let parts: Vec<&str> = core.split(['-', '\'']).collect();
    let joined = parts.len() > 1 && (core.contains(digit) || parts.contains(&""));
    let known = |c: char| c.is_ascii_alphanumeric() || (!c.is_ascii() && !is_deceptive(c));
    !is_hash && !joined && parts.iter().all(|part| part.chars().all(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_everything_else_is_code() {
        for (text, markdown) in [
            ("", ""),
            ("a tier has no edge, and \"no\" (known) caller's well-known port: 80", ""),
            ("größer als früher → 3 Ports …", ""),
            ("`web` calls `postgres.db:5432`, and no edge allows it", ""),
            ("ping @team, see #12 and !3", "ping `@team,` see `#12` and `!3`"),
            ("at www.example.com or https://example.com/a?b=c", "at `www.example.com` or `https://example.com/a?b=c`"),
            ("mail a@example.com", "mail `a@example.com`"),
            ("<img src=x> &lt; [a](b) ![c](d)", "`<img` `src=x>` `&lt;` `[a](b)` `![c](d)`"),
            ("*a* _b_ ~c~ $d$ :tada: \\", "`*a*` `_b_` `~c~` `$d$` `:tada:` `\\`"),
            ("- a", "`-` a"),
            ("1. a (2) 3) 4: 5", "`1.` a `(2)` `3)` 4: 5"),
            ("/approve GH-26 GL-1 deadbeef 1234567 IPv4", "`/approve` `GH-26` `GL-1` `deadbeef` `1234567` IPv4"),
            (" a\n\tb  c ", "a b c"),
            ("sh\u{202e}op\u{7}", "`sh\\u{202e}op\\u{7}`"),
        ] {
            assert_eq!(escape(text), if markdown.is_empty() { text } else { markdown }, "{text}");
        }
    }

    #[test]
    fn backticks_and_bars_end_no_code_and_no_cell() {
        for (text, markdown) in [
            ("a | b", "a &#124; b"),
            ("`x|y`", "`x`&#124;`y`"),
            ("`x\\|y`", "`x\\`&#124;`y`"),
            ("a ` b", "a &#96; b"),
            ("`a` `@b", "`a` &#96;`@b`"),
            ("$`x`$", "`$x$`"),
            ("`` is empty", "&#96;&#96; is empty"),
            ("` a `", "`  a  `"),
            ("`\n`", "` `"),
        ] {
            assert_eq!(escape(text), markdown, "{text}");
        }
        assert_eq!(code("a`b |c"), "`a`&#96;`b `&#124;`c`");
    }
}
