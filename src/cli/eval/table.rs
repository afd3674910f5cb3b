//! Verdicts as a person reads them.
//!
//! A matrix for each probe: rows are sources, columns destinations, by the numbers that the rows have. Where probes have the
//! same matrix it is shown once. Where a matrix is wider than the terminal, one line a source that says whom it reaches.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::cluster::{Cell, Probe, Verdict, Verdicts};
use crate::diag::is_deceptive;

const NOTHING: &str = "nothing to ask about: give Pods or workloads, or name ends with --endpoint\n";
/// Between the parts of a row.
const GAP: usize = 2;

/// The table, styled with ANSI colours, which the caller's stream strips where they are not wanted. `width` is how many
/// characters a line may have.
pub fn table(verdicts: &Verdicts, width: usize) -> String {
    let Ok(sheet) = Sheet::new(verdicts) else { return NOTHING.to_owned() };
    let mut text = String::new();
    for (probes, rows) in sheet.matrices() {
        let probes: Vec<String> = probes.iter().map(ToString::to_string).collect();
        let title = probes.join(", ");
        if sheet.matrix_width() <= width {
            sheet.matrix(&title, &rows, &mut text)
        } else {
            sheet.lists(&title, &rows, width, &mut text)
        }
        text.push('\n');
    }
    text.push_str(&legend(verdicts, sheet.matrix_width() <= width));
    text
}

/// There is nothing to show.
struct Nothing;

/// What is shown, by number.
struct Sheet<'v> {
    verdicts: &'v Verdicts,
    /// Names of the ends, as they can be shown.
    names: Vec<String>,
    /// Width of the longest.
    name_width: usize,
    /// Width of the highest number.
    number_width: usize,
}

/// A row of verdicts for each source.
type Rows<'v> = Vec<Vec<&'v Cell>>;

impl<'v> Sheet<'v> {
    fn new(verdicts: &'v Verdicts) -> Result<Self, Nothing> {
        let plain = |name: &str| name.chars().map(|c| if is_deceptive(c) { '\u{fffd}' } else { c }).collect::<String>();
        let names: Vec<String> = verdicts.ends().iter().map(|name| plain(name)).collect();
        let name_width = names.iter().map(|name| name.chars().count()).max().ok_or(Nothing)?;
        let number_width = names.len().to_string().len();
        Ok(Self { verdicts, names, name_width, number_width })
    }

    /// The matrices, each with the probes that have it.
    fn matrices(&self) -> Vec<(Vec<Probe>, Rows<'v>)> {
        let (ends, probes) = (self.names.len(), self.verdicts.probes());
        let mut of_probes: Vec<Rows<'v>> = probes.iter().map(|_| vec![Vec::with_capacity(ends); ends]).collect();
        for (flow, probe) in self.verdicts.flows().zip((0..probes.len()).cycle()) {
            if let Some(row) = of_probes.get_mut(probe).and_then(|rows| rows.get_mut(flow.src)) {
                row.push(flow.cell);
            }
        }
        let mut matrices: Vec<(Vec<Probe>, Rows<'v>)> = vec![];
        for (probe, rows) in probes.iter().zip(of_probes) {
            match matrices.iter_mut().find(|(_, known)| looks_alike(known, &rows)) {
                Some((probes, _)) => probes.push(*probe),
                None => matrices.push((vec![*probe], rows)),
            }
        }
        matrices
    }

    fn matrix_width(&self) -> usize {
        self.number_width + 1 + self.name_width + GAP + self.names.len() * (self.number_width + 1)
    }

    fn matrix(&self, title: &str, rows: &Rows<'_>, text: &mut String) {
        let (wide, bold) = (self.number_width, Style::new().bold());
        let left = wide + 1 + self.name_width + GAP;
        // A title that is too long for the corner has a line of its own.
        match title.chars().count() + GAP <= left {
            true => _ = write!(text, "{bold}{title}{bold:#}{}", " ".repeat(left - title.chars().count())),
            false => _ = write!(text, "{bold}{title}{bold:#}\n{}", " ".repeat(left)),
        }
        let dim = Style::new().dimmed();
        let numbers: Vec<String> = (1..=self.names.len()).map(|number| format!("{number:>wide$}")).collect();
        let _ = writeln!(text, "{dim}{}{dim:#}", numbers.join(" "));
        for ((number, name), row) in numbers.iter().zip(&self.names).zip(rows) {
            let signs: Vec<String> = row.iter().map(|cell| padded(cell.allowed, wide)).collect();
            let name_width = self.name_width + GAP;
            let _ = writeln!(text, "{dim}{number}{dim:#} {name:<name_width$}{}", signs.join(" "));
        }
    }

    /// Whom each source reaches; what is neither reached nor in doubt is refused, and not spelt out.
    fn lists(&self, title: &str, rows: &Rows<'_>, width: usize, text: &mut String) {
        let bold = Style::new().bold();
        let _ = writeln!(text, "{bold}{title}{bold:#}");
        let (wide, left) = (self.name_width, self.name_width + GAP);
        for (name, row) in self.names.iter().zip(rows) {
            let of = |verdict: Verdict| row.iter().zip(&self.names).filter(move |(cell, _)| cell.allowed == verdict);
            let all = row.len() - of(Verdict::NotApplicable).count();
            let mut name = name.as_str();
            for verdict in [Verdict::Yes, Verdict::Ambiguous, Verdict::No, Verdict::NotApplicable] {
                let names: Vec<&str> = of(verdict).map(|(_, name)| name.as_str()).collect();
                let words = match (names.len(), verdict) {
                    (0, _) => continue,
                    (_, Verdict::NotApplicable) if all > 0 => continue,
                    (_, Verdict::NotApplicable) => vec!["all"],
                    (n, _) if n == all && n > 1 => vec!["all"],
                    (n, Verdict::No) if n < all => continue,
                    _ => names,
                };
                let _ = write!(text, "{name:<wide$}{}{}", " ".repeat(GAP), padded(verdict, 1));
                wrapped(&words, left + 1, width, text);
                name = "";
            }
        }
    }
}

/// Words from a column on, on as many lines as they need, each below the first.
fn wrapped(words: &[&str], left: usize, width: usize, text: &mut String) {
    let mut column = left;
    for (position, word) in words.iter().enumerate() {
        let comma = if position + 1 < words.len() { "," } else { "" };
        let length = word.chars().count() + comma.len() + 1;
        if position > 0 && column + length > width {
            let _ = write!(text, "\n{}", " ".repeat(left));
            column = left;
        }
        let _ = write!(text, " {word}{comma}");
        column += length;
    }
    text.push('\n');
}

fn looks_alike(one: &Rows<'_>, other: &Rows<'_>) -> bool {
    let signs = |rows: &Rows<'_>| rows.iter().flatten().map(|cell| cell.allowed).collect::<Vec<_>>();
    signs(one) == signs(other)
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Yes => AnsiColor::Green.on_default(),
        Verdict::No => AnsiColor::Red.on_default(),
        Verdict::Ambiguous => AnsiColor::Yellow.on_default().bold(),
        Verdict::NotApplicable => Style::new().dimmed(),
    }
}

/// The sign of a verdict, to the right of as many characters.
fn padded(verdict: Verdict, width: usize) -> String {
    let style = style(verdict);
    format!("{}{style}{}{style:#}", " ".repeat(width.saturating_sub(1)), verdict.sign())
}

/// What the signs mean that occur, and how often each does.
fn legend(verdicts: &Verdicts, is_matrix: bool) -> String {
    let words = [
        (Verdict::Yes, "allowed"),
        (Verdict::No, "refused"),
        (Verdict::Ambiguous, "depends on the target or its options"),
        (Verdict::NotApplicable, "no such flow"),
    ];
    let count = |verdict: Verdict| verdicts.flows().filter(|flow| flow.cell.allowed == verdict).count();
    let parts = words.into_iter().filter_map(|(verdict, word)| {
        let n = count(verdict);
        (n > 0).then(|| format!("{} {n} {word}", padded(verdict, 1)))
    });
    let parts: Vec<String> = parts.collect();
    let ends = if is_matrix { "rows: from, columns: to; " } else { "what is not listed is refused; " };
    format!("{ends}{}\n", parts.join("   "))
}
