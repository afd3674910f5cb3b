//! Texts mended by hand-placed edits: what changes, and above all what does not.

use proptest::prelude::*;

use super::*;
use crate::source::{Sources, Span, decode};

/// The place of the `nth` (from 0) `needle` in the text as it is read.
fn span(original: &str, needle: &str, nth: usize) -> Span {
    let text = decode(original.as_bytes().to_vec()).text;
    let at = text.match_indices(needle).nth(nth).unwrap_or_else(|| panic!("no {needle} in {text}")).0;
    Span::new(Sources::default().add("x", text.as_str()), at..at + needle.len())
}

fn fix(edits: Vec<Edit>) -> Fix {
    Fix { message: String::new(), edits }
}

fn mended(original: &str, edits: Vec<Edit>) -> (String, Vec<Outcome>) {
    let fixes: Vec<Fix> = edits.into_iter().map(|edit| fix(vec![edit])).collect();
    let done = mend(original, &fixes.iter().collect::<Vec<_>>()).unwrap();
    (done.text, done.outcomes)
}

/// The text without some elements, each given by its text and how many like it come before.
fn without(original: &str, elements: &[(&str, usize)]) -> String {
    let edits = elements.iter().map(|(needle, nth)| Edit::Remove { span: span(original, needle, *nth) }).collect();
    let (text, outcomes) = mended(original, edits);
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}: {original}");
    text
}

/// The text with its one array in another order; `None` where that is left to a person.
fn sorted(original: &str, order: &[usize]) -> Option<String> {
    let (text, outcomes) = mended(original, vec![Edit::Sort { span: span(original, "[", 0), order: order.to_vec() }]);
    (outcomes == [Outcome::Done]).then_some(text)
}

#[test]
fn a_replaced_string_keeps_its_quotes_and_surroundings() {
    for (before, after) in [
        ("a = [ 'X' , 1 ] # c\n", "a = [ 'y' , 1 ] # c\n"),
        ("a.\"b\" . c = \"X\"\t# c", "a.\"b\" . c = \"y\"\t# c"),
        ("a = { b = { c = 'X', }, }\n", "a = { b = { c = 'y', }, }\n"),
        ("a = \"\"\"X\"\"\"\n", "a = \"y\"\n"),
    ] {
        let needle = if before.contains("'X'") {
            "'X'"
        } else {
            before.split([' ', '\t', '\n']).find(|word| word.contains('X')).unwrap()
        };
        let edit = Edit::Replace { span: span(before, needle, 0), text: "y".to_owned() };
        assert_eq!(mended(before, vec![edit]).0, after);
    }
}

#[test]
fn what_a_string_cannot_hold_is_escaped() {
    assert_eq!(requoted("'x'", "it's"), "\"it's\"");
    assert_eq!(requoted("\"x\"", "a\"\\\n"), "\"a\\\"\\\\\\u000A\"");
}

#[test]
fn elements_of_one_line_go_with_their_comma() {
    for (before, gone, after) in [
        ("a = [1, 2, 3]", &[("1", 0)][..], "a = [2, 3]"),
        ("a = [1, 2, 3]", &[("2", 0)], "a = [1, 3]"),
        ("a = [1, 2, 3]", &[("3", 0)], "a = [1, 2]"),
        ("a = [ 1, 2, 3 ]", &[("3", 0)], "a = [ 1, 2 ]"),
        ("a = [ 1, 2, 3 ]", &[("2", 0), ("3", 0)], "a = [ 1 ]"),
        ("a = [ 1, 2, 3 ]", &[("1", 0), ("2", 0)], "a = [ 3 ]"),
        ("a = [ 1, 2, 3, ]", &[("3", 0)], "a = [ 1, 2, ]"),
        ("a = [ 1 , 2 , 3 ]", &[("2", 0)], "a = [ 1 , 3 ]"),
        ("a = [1,2,3]", &[("2", 0), ("1", 0)], "a = [3]"),
        ("a = [{ x = 1 }, { x = [2] }]", &[("{ x = [2] }", 0)], "a = [{ x = 1 }]"),
    ] {
        assert_eq!(without(before, gone), after);
    }
}

#[test]
fn elements_of_several_lines_go_with_their_lines() {
    let before = "a = [\n  1,\n  2,\n  3\n]\n";
    assert_eq!(without(before, &[("2", 0)]), "a = [\n  1,\n  3\n]\n");
    assert_eq!(without(before, &[("3", 0)]), "a = [\n  1,\n  2\n]\n");
    assert_eq!(without("a = [\n  1,\n  2,\n]\n", &[("1", 0)]), "a = [\n  2,\n]\n");
    assert_eq!(without("a = [ 1,\n      2 ]\n", &[("2", 0)]), "a = [ 1\n ]\n");
    assert_eq!(without("a = [ 1,\n      2 ]\n", &[("1", 0)]), "a = [\n      2 ]\n");
}

#[test]
fn comments_of_removed_elements_stay_in_place() {
    let before = "a = [ # all\n  # one\n  1, # 1\n  # two\n  2, # 2\n  3 # 3\n  # end\n]\n";
    assert_eq!(
        without(before, &[("2,", 0), ("3 ", 0)]),
        "a = [ # all\n  # one\n  1 # 1\n  # two\n  # 2\n  # 3\n  # end\n]\n"
    );
    assert_eq!(without("a = [1, 2, # b\n 3]", &[("2", 0)]), "a = [1, # b\n 3]");
    assert_eq!(without("a = [ 1 # x\n , 2 ]", &[("1", 0)]), "a = [ # x\n  2 ]");
    assert_eq!(
        without("a = [\n  { x = 1, # in\n    y = \"#\" }, # out\n  { x = 2 },\n]", &[("{ x = 1", 0)]),
        "a = [\n  # in\n  # out\n  { x = 2 },\n]"
    );
    assert_eq!(without("a = [{ x = 1, # in\n }, 2]", &[("{ x", 0)]), "a = [# in\n2]");
}

#[test]
fn the_last_element_of_a_list_never_goes() {
    let text = "a = [1, 1]";
    let edits = [1, 0].map(|nth| Edit::Remove { span: span(text, "1", nth) }).to_vec();
    assert_eq!(mended(text, edits), ("a = [1]".to_owned(), vec![Outcome::Done, Outcome::Never]));
    let both = [0, 1].map(|nth| Edit::Remove { span: span(text, "1", nth) }).to_vec();
    let done = mend(text, &[&fix(both)]).unwrap();
    assert_eq!((done.text.as_str(), done.outcomes), (text, vec![Outcome::Never]));
}

const TABLES: &str = "app = \"x\"\n\n# one\n[[allow]] # h\nfrom = \"a\" # f\n\nto = \"b\"\n\n[[allow]]\nfrom = \"c\"\nto   = [\"d\",\n        \"e\"]\n\n[[allow]]\nfrom = \"f\"\n[[allow.http]]\npath = '#'\n[allow.http.headers]\nx.y = 1\n\n[tiers]\n";

#[test]
fn a_table_goes_with_the_tables_below_it_and_the_blank_lines_behind_it() {
    let (start, rest) = TABLES.split_once("[[allow]]\nfrom = \"c\"").unwrap();
    let (second, third) = rest.split_at(rest.find("[[allow]]").unwrap());
    let end = "[tiers]\n";
    assert_eq!(without(TABLES, &[("[[allow]]\n", 0)]), format!("{start}{third}"));
    assert_eq!(without(TABLES, &[("[[allow]]\n", 1)]), format!("{start}[[allow]]\nfrom = \"c\"{second}{end}"));
    assert_eq!(without(TABLES, &[("[[allow]]\n", 1), ("[[allow]]\n", 0)]), format!("{start}{end}"));
    assert_eq!(without("a = 1\n\n[[x]]\nb = 1\n\n[[x]]\nb = 2\n", &[("[[x]]", 0), ("[[x]]", 1)]), "a = 1\n");
    assert_eq!(without("[[x]]\n[[x]]\nb = 2", &[("[[x]]", 1)]), "[[x]]\n");
    assert_eq!(without("[[x]]\nb = 2\n\n\n[[x]]\n", &[("[[x]]", 0)]), "[[x]]\n");
}

#[test]
fn a_table_below_another_one_of_its_name_may_stand_elsewhere() {
    let text = "[[x]]\na = 1\n[y]\nb = 1\n[[x.z]]\nc = 1\n[[x]]\nd = 1\n";
    assert_eq!(without(text, &[("[[x]]", 0)]), "[y]\nb = 1\n[[x]]\nd = 1\n");
}

#[test]
fn comments_of_a_removed_table_stay_apart_from_the_next_one() {
    assert_eq!(
        without(TABLES, &[("[[allow]] #", 0)]),
        TABLES.replace("[[allow]] # h\nfrom = \"a\" # f\n\nto = \"b\"\n", "# h\n# f\n")
    );
    let close = "[[x]]\na = 1\n# two\n[[x]]\na = 1\n[[x]]\na = 2\n";
    assert_eq!(without(close, &[("[[x]]", 1)]), "[[x]]\na = 1\n# two\n\n[[x]]\na = 2\n");
    let inner = "[[x]]\na = 1\n[[x]]\n  # in\na = 1\n[[x]]\na = 2\n";
    assert_eq!(without(inner, &[("[[x]]", 1)]), "[[x]]\na = 1\n  # in\n\n[[x]]\na = 2\n");
}

#[test]
fn a_sorted_list_keeps_its_form() {
    assert_eq!(sorted("a = [ 2 ,1, 3 ]", &[1, 0, 2]).unwrap(), "a = [ 1 ,2, 3 ]");
    assert_eq!(sorted("a = ['b',\n \"a\"\n]", &[1, 0]).unwrap(), "a = [\"a\",\n 'b'\n]");
    assert_eq!(
        sorted("a = [ # all\n  3, # c\n  1,\n  2   # b\n]", &[1, 2, 0]).unwrap(),
        "a = [ # all\n  1,\n  2,   # b\n  3 # c\n]"
    );
}

#[test]
fn a_list_that_its_author_divided_is_not_sorted() {
    for text in [
        "a = [\n  2,\n\n  1,\n]",
        "a = [\n  2,\n  # one\n  1,\n]",
        "a = [\n  # two\n  2,\n  1,\n]",
        "a = [\n  2,\n  1,\n  # end\n]",
        "a = [\n  2, 1, # both\n]",
        "a = [ 2, # two\n  1 ]",
        "a = [\n  2 # two\n  , 1 ]",
    ] {
        assert_eq!(sorted(text, &[1, 0]), None, "{text}");
    }
    assert_eq!(sorted("a = [2, 1]", &[1, 1]), None, "no order");
    assert_eq!(sorted("a = [2, 1]", &[0]), None, "an order of another list");
}

#[test]
fn fixes_that_touch_the_same_place_wait() {
    let text = "a = [{ c = \"X\" }, { c = \"X\" }]";
    let replace = |nth| Edit::Replace { span: span(text, "\"X\"", nth), text: "y".to_owned() };
    let remove = Edit::Remove { span: span(text, "{", 1) };
    let sort = Edit::Sort { span: span(text, "[", 0), order: vec![1, 0] };
    for (edits, last) in [
        (vec![replace(0), replace(1), remove.clone()], Outcome::Later),
        (vec![remove.clone(), replace(0)], Outcome::Later),
        (vec![remove.clone(), sort.clone()], Outcome::Later),
        (vec![sort, remove.clone()], Outcome::Later),
        (vec![remove.clone(), remove], Outcome::Later),
        (vec![replace(0), replace(0)], Outcome::Later),
    ] {
        let outcomes = mended(text, edits).1;
        let (end, start) = outcomes.split_last().unwrap();
        assert!(*end == last && start.iter().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
    }
}

#[test]
fn what_is_not_there_cannot_be_mended() {
    let text = "a = [1, 2]\nb = 'x'\n";
    let at = |needle| span(text, needle, 0);
    for edit in [
        Edit::Remove { span: at("a") },
        Edit::Remove { span: at("'x'") },
        Edit::Sort { span: at("1"), order: vec![] },
        Edit::Replace { span: at("1"), text: "2".to_owned() },
    ] {
        assert_eq!(mended(text, vec![edit]), (text.to_owned(), vec![Outcome::Never]));
    }
    assert_eq!(mend(text, &[&fix(vec![])]).unwrap().outcomes, [Outcome::Never]);
    assert_eq!(mend("a = [", &[&fix(vec![])]).unwrap().text, "a = [");
}

#[test]
fn line_ends_and_byte_order_mark_stay() {
    let text =
        "\u{feff}# x\r\na = [\r\n  'X',\r\n  'b', # c\r\n  'b', # d\r\n]\r\n[[t]] # e\r\nk = '''\r\n'''\r\n[[t]]\r\n";
    let (mended, _) =
        mended(text, vec![Edit::Remove { span: span(text, "'b'", 1) }, Edit::Remove { span: span(text, "[[t]]", 0) }]);
    assert_eq!(mended, "\u{feff}# x\r\na = [\r\n  'X',\r\n  'b', # c\r\n  # d\r\n]\r\n# e\r\n\r\n[[t]]\r\n");
    let first = "\u{feff}[[t]]\r\na = 1\r\n\r\n[[t]]\r\n";
    assert_eq!(without(first, &[("[[t]]", 0)]), "\u{feff}[[t]]\r\n");
}

/// White space, line ends and comments as they may stand between the parts of an array.
fn trivia() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => Just(String::new()),
        4 => Just(" ".to_owned()),
        2 => Just("\n".to_owned()),
        1 => Just("\t".to_owned()),
        2 => "[a-z\"'#\\[,]{0,3}".prop_map(|words| format!(" #@{words}\n")),
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

/// An element of an array: a number, a string of any kind, or a table, with a mark of its own.
fn element(number: usize, kind: u8, inner: &str) -> String {
    match kind {
        0 => format!("{}", number + 10),
        1 => format!("\"#{number}\\\"\""),
        2 => format!("'#{number}\"'"),
        3 => format!("\"\"\"{number}\"\n#'\"\"\"\""),
        _ => format!("{{ k = {number},{inner} l = ['#'] }}"),
    }
}

/// A document with one array, and the places of its elements' starts.
fn documents() -> impl Strategy<Value = (String, usize, bool)> {
    let one = (0_u8..5, trivia(), trivia(), trivia());
    (prop::collection::vec(one, 2..6), trivia(), any::<bool>(), any::<bool>(), any::<bool>(), trivia()).prop_map(
        |(elements, end, trailing, crlf, mark, below)| {
            let count = elements.len();
            let mut text = "# @top\nx.y = 1 # @\na = [".to_owned();
            for (number, (kind, before, after, inner)) in elements.iter().enumerate() {
                text.push_str(&format!("{before}{}{after}", element(number, *kind, inner)));
                if trailing || number + 1 < count {
                    text.push(',');
                }
            }
            text.push_str(&format!("{end}] # @end\n{below}\n[z] # @z\n"));
            if crlf {
                text = text.replace('\n', "\r\n");
            }
            let mark = if mark { "\u{feff}" } else { "" };
            (format!("{mark}{text}"), count, crlf)
        },
    )
}

/// Values of the array, as text.
fn values(text: &str) -> Vec<String> {
    let table: toml::Table =
        toml::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_else(|e| panic!("{e}\n{text}"));
    table["a"].as_array().unwrap().iter().map(|value| format!("{value:?}")).collect()
}

/// How often the text says that something is a comment. No string does.
fn marks(text: &str) -> Vec<&str> {
    let mut comments: Vec<&str> =
        text.lines().filter_map(|line| line.find("#@").and_then(|at| line.get(at..))).map(str::trim_end).collect();
    comments.sort_unstable();
    comments
}

fn spans(original: &str) -> (Span, Vec<Span>) {
    let text = decode(original.as_bytes().to_vec()).text;
    let file = Sources::default().add("x", text.as_str());
    let document = Document::parse(text.as_str()).unwrap();
    let array = document["a"].as_array().unwrap();
    (Span::new(file, array.span().unwrap()), array.iter().map(|value| Span::new(file, value.span().unwrap())).collect())
}

fn unchanged_around(before: &str, after: &str) {
    let (start, end) = (before.find('[').unwrap(), before.len() - before.rfind("] # @end").unwrap());
    assert_eq!(before[..start], after[..start]);
    assert_eq!(before[before.len() - end..], after[after.len() - end..]);
}

proptest! {
    #[test]
    fn removing_loses_what_is_removed_and_nothing_else((text, count, crlf) in documents(), choice in any::<u8>()) {
        let gone: Vec<usize> = (0..count).filter(|place| choice >> place & 1 == 1).take(count - 1).collect();
        let (_, places) = spans(&text);
        let (after, outcomes) = mended(&text, gone.iter().map(|place| Edit::Remove { span: places[*place] }).collect());
        prop_assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done));
        let mut expected = values(&text);
        for place in gone.iter().rev() {
            expected.remove(*place);
        }
        prop_assert_eq!(values(&after), expected);
        prop_assert_eq!(marks(&after), marks(&text));
        unchanged_around(&text, &after);
        prop_assert!(!crlf || after.matches('\n').count() == after.matches("\r\n").count());
        if gone.is_empty() {
            prop_assert_eq!(after, text);
        }
    }

    #[test]
    fn sorting_changes_the_order_and_nothing_else((text, count, crlf) in documents(), seed in any::<u64>()) {
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|place| (seed >> (place * 8)) & 0xff);
        let (array, _) = spans(&text);
        let (after, outcomes) = mended(&text, vec![Edit::Sort { span: array, order: order.clone() }]);
        let before = values(&text);
        if outcomes == [Outcome::Never] {
            prop_assert_eq!(&after, &text);
            prop_assert!(text.contains("#@") || text.contains('\n'));
        } else {
            prop_assert_eq!(values(&after), order.iter().map(|place| before[*place].clone()).collect::<Vec<_>>());
        }
        prop_assert_eq!(marks(&after), marks(&text));
        prop_assert_eq!(after.len(), text.len());
        unchanged_around(&text, &after);
        prop_assert!(!crlf || after.matches('\n').count() == after.matches("\r\n").count());
    }
}
