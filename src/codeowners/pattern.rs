//! Patterns: those that are written, and those that people wrote.
//!
//! A path becomes a pattern that stands for it alone, in both forges. Of somebody else's pattern it is asked whether it may
//! match a file in either forge: where they differ, it may.

use camino::Utf8Path;

/// A path from the root of the repository as a pattern. The error is a character that no pattern stands for in both forges.
pub fn literal(path: &Utf8Path) -> Result<String, char> {
    let mut out = String::new();
    for part in path.components() {
        out.push('/');
        for c in part.as_str().chars() {
            match c {
                '*' | '?' | '[' | ']' | '\\' | '#' => return Err(c),
                ' ' => out.push_str("\\ "),
                c => out.push(c),
            }
        }
    }
    Ok(out)
}

/// A pattern of somebody else's.
#[derive(Debug)]
pub struct Pattern {
    /// It starts at the root of the repository in both forges.
    anchored: bool,
    /// It ends in `/`: what is below, and no file of that name.
    folder: bool,
    /// It ends in `/*`: what is directly there, and nothing below.
    direct: bool,
    parts: Vec<String>,
}

impl Pattern {
    /// Reads a pattern.
    pub fn new(text: &str) -> Self {
        Self {
            anchored: text.starts_with('/'),
            folder: text.ends_with('/'),
            direct: text.ends_with("/*"),
            parts: text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        }
    }

    /// Whether it may match a file, given by the parts of its path.
    pub fn may_match(&self, path: &[&str]) -> bool {
        let starts = if self.anchored { 1 } else { path.len() };
        (0..starts).any(|start| self.from(&self.parts, path.get(start..).unwrap_or_default()))
    }

    /// A pattern matches what is below, too (GitHub).
    fn from(&self, parts: &[String], path: &[&str]) -> bool {
        let Some((first, rest)) = parts.split_first() else {
            return if path.is_empty() { !self.folder } else { !self.direct };
        };
        if first == "**" {
            return self.from(rest, path) || path.split_first().is_some_and(|(_, below)| self.from(parts, below));
        }
        path.split_first().is_some_and(|(name, below)| matches_name(first, name) && self.from(rest, below))
    }
}

/// One character of a name, or some.
enum Token {
    One(char),
    Any,
    Some,
}

fn matches_name(pattern: &str, name: &str) -> bool {
    let tokens = tokens(pattern);
    let name: Vec<char> = name.chars().collect();
    // Which tokens may come next, after each character.
    let mut states = vec![false; tokens.len() + 1];
    let close = |states: &mut Vec<bool>| {
        for (at, token) in tokens.iter().enumerate() {
            if matches!(token, Token::Some)
                && states.get(at) == Some(&true)
                && let Some(next) = states.get_mut(at + 1)
            {
                *next = true;
            }
        }
    };
    if let Some(first) = states.first_mut() {
        *first = true;
    }
    close(&mut states);
    for c in name {
        let mut after = vec![false; tokens.len() + 1];
        for (at, token) in tokens.iter().enumerate().filter(|(at, _)| states.get(*at) == Some(&true)) {
            let next = match token {
                Token::One(wanted) if *wanted != c => continue,
                Token::One(_) | Token::Any => at + 1,
                Token::Some => at,
            };
            if let Some(state) = after.get_mut(next) {
                *state = true;
            }
        }
        close(&mut after);
        states = after;
    }
    states.last() == Some(&true)
}

/// `[a-z]` is a range in GitLab and nothing in GitHub: it may be any character.
fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = vec![];
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        tokens.push(match c {
            '*' => Token::Some,
            '?' => Token::Any,
            '[' if rest.as_str().contains(']') => {
                let _ = rest.by_ref().find(|c| *c == ']');
                Token::Any
            }
            '\\' => Token::One(rest.next().unwrap_or(c)),
            c => Token::One(c),
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_patterns_or_are_refused() {
        assert_eq!(literal("intents/my app.toml".into()), Ok("/intents/my\\ app.toml".to_owned()));
        assert_eq!(literal("intents/größe.toml".into()), Ok("/intents/größe.toml".to_owned()));
        for bad in ['*', '?', '[', ']', '\\', '#'] {
            assert_eq!(literal(format!("intents/a{bad}b.toml").as_str().into()), Err(bad));
        }
    }

    #[test]
    fn a_pattern_may_match_what_either_forge_matches() {
        let matches = |pattern: &str, path: &str| Pattern::new(pattern).may_match(&path.split('/').collect::<Vec<_>>());
        let path = "out/calico/allow/db.yaml";
        for pattern in [
            "*",
            "**",
            "/**",
            "**/*",
            "*.yaml",
            "db.yaml",
            "out",
            "out/",
            "/out",
            "/out/",
            "/out/**",
            "/out/**/*",
            "/out/**/db.yaml",
            "/out/*/allow/*",
            "allow/db.yaml",
            "calico/",
            "/out/calico/allow/d?.yaml",
            "/out/ca*o/",
            "/out/calico/allow/db.yaml",
            "[o]ut/",
            "\\out",
            "/**/allow/",
        ] {
            assert!(matches(pattern, path), "{pattern}");
        }
        for pattern in [
            "/db.yaml",
            "*.yml",
            "/out/*",
            "/out/*/*",
            "out/*/db.yaml",
            "db.yaml/",
            "/calico/",
            "db",
            "OUT/",
            "?",
            "/out/*/allow/*/",
            "/out/calico/allow/d\\*.yaml",
            "/outer/",
        ] {
            assert!(!matches(pattern, path), "{pattern}");
        }
    }
}
