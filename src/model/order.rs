//! Lists whose order has no meaning, where they are not sorted.
//!
//! In: the files' tables. Out: an [`UnsortedList`] for each list that could be read differently by two people who look for one
//! entry. The model itself is sorted whatever the lists are; nothing that is written depends on this.

use ipnet::IpNet;

use super::build::Builder;
use super::parse::{WrittenPort, parse_port};
use super::{PortRange, Protocol};
use crate::diag::quote;
use crate::intent::{DeclaredPorts, ExternalTable, ForbidTable, List, Namespaces, PortText, Ports};
use crate::source::{Span, Spanned};

/// A list whose order has no meaning, out of order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsortedList {
    /// The key that it stands under.
    pub key: &'static str,
    /// The list, brackets included.
    pub span: Span,
    /// The first entry that should stand before the one it follows, in quotes, and where it is.
    pub late: (String, Span),
    /// The entry that it should stand before, in quotes, and where it is.
    pub early: (String, Span),
    /// For each place, the present place of the entry that belongs there.
    pub order: Vec<usize>,
}

/// The order of entries: ports by number, then addresses, IPv4 first, then words by their bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Rank<'a> {
    Ports(u16, u16, Protocol),
    Range(IpNet),
    Word(&'a str),
}

fn rank_of_text(text: &str) -> Rank<'_> {
    text.parse().map_or(Rank::Word(text), Rank::Range)
}

fn rank_of_port(port: &PortText) -> Rank<'_> {
    match (parse_port(port), port) {
        (Ok(WrittenPort::Range(PortRange { protocol, first, last })), _) => Rank::Ports(first, last, protocol),
        (_, PortText::Text(text)) => Rank::Word(text),
        (_, PortText::Number(_)) => Rank::Word(""),
    }
}

fn words_of_port(port: &PortText) -> String {
    match port {
        PortText::Number(number) => quote(&number.to_string()),
        PortText::Text(text) => quote(text),
    }
}

/// A list's defect, if it has one. Equal entries stay as they are.
fn unsorted<'a, T>(
    key: &'static str,
    items: &'a [Spanned<T>],
    span: Span,
    rank: impl Fn(&'a T) -> Rank<'a>,
    words: impl Fn(&T) -> String,
) -> Option<UnsortedList> {
    let ranks: Vec<Rank<'a>> = items.iter().map(|item| rank(&item.value)).collect();
    let at = ranks.windows(2).position(|pair| matches!(pair, [a, b] if a > b))? + 1;
    let late = items.get(at)?;
    let early = items.iter().zip(&ranks).find(|(_, other)| ranks.get(at).is_some_and(|rank| *other > rank))?.0;
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|place| ranks.get(*place));
    let entry = |item: &Spanned<T>| (words(&item.value), item.span);
    Some(UnsortedList { key, span, late: entry(late), early: entry(early), order })
}

impl Builder<'_, '_> {
    /// Finds the lists of intents, and those of the project file that have the same tables.
    pub(super) fn lists(&mut self) {
        let mut found = vec![];
        if let Some(project) = self.input.project {
            project.external.iter().flat_map(|table| table.iter()).for_each(|(_, table)| external(table, &mut found));
            project.forbid.iter().flatten().for_each(|table| forbid(table, &mut found));
        }
        for file in self.files.iter().filter_map(|(_, file)| *file) {
            for (_, tier) in file.tiers.iter().flat_map(|table| table.iter()) {
                texts("namespace", Some(&tier.namespace), &mut found);
                declared(tier.ports.as_ref(), &mut found);
                ports("metrics", tier.metrics.as_ref(), &mut found);
            }
            for (_, peer) in file.peers.iter().flat_map(|table| table.iter()) {
                if let Namespaces::Names(list) = &peer.namespace {
                    texts("namespace", Some(list), &mut found);
                }
                declared(peer.ports.as_ref(), &mut found);
            }
            file.external.iter().flat_map(|table| table.iter()).for_each(|(_, table)| external(table, &mut found));
            for allow in file.allow.iter().flatten() {
                texts("from", Some(&allow.from), &mut found);
                texts("to", Some(&allow.to), &mut found);
                ports("ports", allow.ports.as_ref(), &mut found);
            }
            file.forbid.iter().flatten().for_each(|table| forbid(table, &mut found));
        }
        self.model.unsorted = found;
    }
}

fn external(table: &ExternalTable, found: &mut Vec<UnsortedList>) {
    texts("cidrs", table.cidrs.as_ref(), found);
    texts("except", table.except.as_ref(), found);
    texts("fqdns", table.fqdns.as_ref(), found);
    declared(table.ports.as_ref(), found);
}

fn forbid(table: &ForbidTable, found: &mut Vec<UnsortedList>) {
    texts("from", Some(&table.from), found);
    texts("to", Some(&table.to), found);
    texts("except", table.except.as_ref(), found);
    ports("ports", table.ports.as_ref(), found);
}

fn declared(table: Option<&DeclaredPorts>, found: &mut Vec<UnsortedList>) {
    if let Some(DeclaredPorts::List(list)) = table {
        ports("ports", Some(list), found);
    }
}

fn ports(key: &'static str, list: Option<&Ports>, found: &mut Vec<UnsortedList>) {
    found.extend(list.and_then(|list| unsorted(key, &list.items, list.span, rank_of_port, words_of_port)));
}

fn texts(key: &'static str, list: Option<&List<String>>, found: &mut Vec<UnsortedList>) {
    found.extend(
        list.and_then(|list| unsorted(key, &list.items, list.span, |text| rank_of_text(text), |text| quote(text))),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(items: &[&str]) -> Option<UnsortedList> {
        let items: Vec<Spanned<String>> =
            items.iter().map(|text| Spanned::new((*text).to_owned(), Span::default())).collect();
        unsorted("to", &items, Span::default(), |text| rank_of_text(text), |text| quote(text))
    }

    fn order(items: &[PortText]) -> Option<Vec<usize>> {
        let items: Vec<Spanned<PortText>> =
            items.iter().map(|port| Spanned::new(port.clone(), Span::default())).collect();
        unsorted("ports", &items, Span::default(), rank_of_port, words_of_port).map(|list| list.order)
    }

    #[test]
    fn addresses_stand_in_their_own_order_before_words() {
        assert_eq!(texts(&["9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "fd00::/8", "Z", "a", "a-b", "aa"]), None);
        let found = texts(&["fd00::/8", "b", "10.0.0.0/8", "a"]).unwrap();
        assert_eq!(found.order, [2, 0, 3, 1]);
        assert_eq!((found.late.0.as_str(), found.early.0.as_str()), ("`10.0.0.0/8`", "`fd00::/8`"));
    }

    #[test]
    fn ports_stand_in_the_order_of_their_numbers_before_names() {
        let text = |text: &str| PortText::Text(text.to_owned());
        assert_eq!(order(&["all/UDP", "53", "53/UDP", "80-90", "443/SCTP", "dns", "http"].map(text)), None);
        let ports =
            [text("http"), PortText::Number(443), text("80-90"), PortText::Number(80), text("80/UDP"), text("dns")];
        assert_eq!(order(&ports).unwrap(), [3, 4, 2, 1, 5, 0]);
    }

    #[test]
    fn equal_entries_and_short_lists_are_sorted() {
        assert_eq!(texts(&["a", "a"]), None);
        assert_eq!(texts(&["b"]), None);
        assert_eq!(texts(&[]), None);
        assert_eq!(texts(&["b", "a", "b"]).unwrap().order, [1, 0, 2]);
    }
}
