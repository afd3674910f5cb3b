//! Findings as JUnit XML: a failed test case each, a skipped one for what is waived, one that passed where nothing failed.
//!
//! Written with the elements and attributes that the schemas of Jenkins know (`junit-10.xsd` in `jenkinsci/xunit-plugin`),
//! which refuse others: so a test case has no `file`, and its name begins with the place. GitLab
//! (`lib/gitlab/ci/parsers/test/junit.rb`) tells test cases apart by class name and name.

use super::place::{Place, Places};
use super::report::in_words;
use super::{Diagnostic, Report};

/// One test suite.
pub(super) fn document(report: &Report<'_>) -> String {
    let places = Places::of(report);
    let mut cases: Vec<String> = report
        .all()
        .map(|(diagnostic, waived)| {
            let body = match waived {
                Some(waived) => format!("<skipped>waived: {}</skipped>", escape(&waived.reason)),
                None => failure(diagnostic, &places),
            };
            let place = shown(&places.primary(diagnostic));
            let name = format!("{place}: {}", diagnostic.message);
            let class = format!("netpolc.{}", diagnostic.code);
            format!(
                "    <testcase classname=\"{}\" name=\"{}\">\n      {body}\n    </testcase>\n",
                attribute(&class),
                attribute(&name)
            )
        })
        .collect();
    let failures = report.found.len();
    if failures == 0 {
        // Readers take a suite without a case for a run that broke.
        cases.push("    <testcase classname=\"netpolc.check\" name=\"no findings\"/>\n".to_owned());
    }
    let counts =
        format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{}\"", cases.len(), report.waived.len());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"netpolc check\" {counts}>\n{}  \
         </testsuite>\n</testsuites>\n",
        cases.concat()
    )
}

fn failure(diagnostic: &Diagnostic, places: &Places<'_>) -> String {
    let related = diagnostic.related.iter().map(|label| format!("\n{}: {}", shown(&places.at(label.span)), label.text));
    let text = in_words(diagnostic) + &related.collect::<String>();
    format!(
        "<failure type=\"{}\" message=\"{}\">{}</failure>",
        diagnostic.level.as_str(),
        attribute(&diagnostic.message),
        escape(&text)
    )
}

fn shown(place: &Place) -> String {
    format!("{}:{}:{}", place.path, place.region.line, place.region.column)
}

/// Text for an attribute, in which a reader would make spaces of line ends and tabs.
fn attribute(text: &str) -> String {
    escape(text).replace('\n', "&#10;").replace('\t', "&#9;")
}

/// Text for an element. What XML 1.0 cannot hold at all becomes U+FFFD.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // A reader would make a line feed of it.
            '\r' => out.push_str("&#13;"),
            '\n' | '\t' => out.push(c),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{attribute, escape};

    #[test]
    fn nothing_that_a_user_wrote_leaves_its_place() {
        assert_eq!(escape("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&apos;");
        assert_eq!(escape("a\nb\tc\rd"), "a\nb\tc&#13;d");
        assert_eq!(attribute("a\nb\tc\rd\""), "a&#10;b&#9;c&#13;d&quot;");
        assert_eq!(escape("\0\u{1b}\u{fffe}\u{ffff}ü😀]]>"), "\u{fffd}\u{fffd}\u{fffd}\u{fffd}ü😀]]&gt;");
    }
}
