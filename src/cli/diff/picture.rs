//! The flows that change, as a picture: a Mermaid flowchart, which GitHub and GitLab draw.
//!
//! In: flows. Out: the lines of one chart. What opens is thick and green, what closes dotted and red. No name can be more than
//! a label: nodes have numbers, and of a label every character that Mermaid might read is written as its number.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::difference::{End, Told};
use crate::verify::ChangeKind;

/// How many arrows are drawn at most.
pub(super) const MAX_EDGES: usize = 40;

/// How many characters of a label are shown.
const MAX_LABEL: usize = 60;

/// A chart of the first flows.
pub(super) fn mermaid(flows: &[&Told]) -> String {
    let flows: Vec<&Told> = flows.iter().take(MAX_EDGES).copied().collect();
    let mut nodes: BTreeMap<&str, (usize, &End)> = BTreeMap::new();
    for end in flows.iter().flat_map(|told| [&told.from, &told.to]) {
        let number = nodes.len();
        nodes.entry(&end.name).or_insert((number, end));
    }
    let mut groups: BTreeMap<Option<&str>, Vec<(usize, &End)>> = BTreeMap::new();
    for (number, end) in nodes.values() {
        groups.entry(end.namespace.as_deref()).or_default().push((*number, end));
    }
    let mut out = String::from("flowchart LR\n");
    for (position, (namespace, ends)) in groups.iter().enumerate() {
        let indent = match namespace {
            None => "  ",
            Some(name) => {
                line(&mut out, format_args!("  subgraph g{position}[\"{}\"]", label(name)));
                "    "
            }
        };
        for (number, end) in ends {
            let within = namespace.and_then(|name| end.name.strip_prefix(name)?.strip_prefix('/'));
            line(&mut out, format_args!("{indent}n{number}[\"{}\"]", label(within.unwrap_or(&end.name))));
        }
        if namespace.is_some() {
            out.push_str("  end\n");
        }
    }
    for (position, told) in flows.iter().enumerate() {
        let of = |end: &End| nodes.get(end.name.as_str()).map_or(0, |(number, _)| *number);
        let (arrow, style) = match told.kind {
            ChangeKind::Opened => ("==>", "stroke:#1a7f37,stroke-width:3px"),
            ChangeKind::Widened => ("==>", "stroke:#9a6700,stroke-width:3px"),
            ChangeKind::Narrowed => ("-.->", "stroke:#9a6700"),
            ChangeKind::Closed => ("-.->", "stroke:#cf222e"),
        };
        let (from, to) = (of(&told.from), of(&told.to));
        line(&mut out, format_args!("  n{from} {arrow}|\"{}\"| n{to}", label(&told.ports)));
        line(&mut out, format_args!("  linkStyle {position} {style}"));
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

/// A text that shows as it is inside of quotes (mermaid, `encodeEntities`: `#35;` is the character of that number). A colon is
/// among what is written so, as `style…:…#…;` loses its end there.
fn label(text: &str) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == MAX_LABEL {
            out.push('…');
            break;
        }
        match c {
            _ if c.is_alphanumeric()
                || matches!(c, ' ' | '.' | '/' | '-' | '_' | ',' | '(' | ')' | '+' | '=' | '→') =>
            {
                out.push(c);
            }
            _ => number(&mut out, c),
        }
    }
    out
}

fn number(out: &mut String, c: char) {
    let _ = write!(out, "#{};", u32::from(c));
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn a_label_is_nothing_but_a_label() {
        assert_eq!(label("front/web 80-81/TCP, 53/UDP (+1)"), "front/web 80-81/TCP, 53/UDP (+1)");
        assert_eq!(label("\"]\n%%`#;:<x>"), "#34;#93;#10;#37;#37;#96;#35;#59;#58;#60;x#62;");
        assert_eq!(label(&"x".repeat(100)).chars().count(), 61);
    }
}
