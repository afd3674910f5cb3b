//! Bad input that no text file holds well: broken encodings, line ends, depths and sizes. As for `tests/ui`, every case has
//! its exact message, and not a byte of an earlier output changes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use crate::support::{self, Project, Run, netpolc, tree};

const GOOD: &str = r#"app = "shop"

[tiers]
web = { namespace = "front", pods = { app = "web" }, ports = [80] }
api = { namespace = "back", pods = { app = "api" }, ports = [8080] }

[[allow]]
from = "web"
to   = "api"
why  = "the shop front calls the API"
"#;

/// A project whose output was built, and then the given intents were written.
fn build(intents: &[(&str, &[u8])]) -> Run {
    let project = Project::new();
    project.write("intents/base.toml", GOOD.replace("shop", "base").replace("front", "one").replace("back", "two"));
    let first = netpolc(project.dir(), &["build"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let before = tree(&project.dir().join("out"));
    for (path, bytes) in intents {
        project.write(path, bytes);
    }
    let run = netpolc(project.dir(), &["build"]);
    if run.code != 0 {
        assert_eq!(tree(&project.dir().join("out")), before, "the run failed and yet changed the output");
    }
    run
}

fn case(bytes: impl AsRef<[u8]>) -> Run {
    build(&[("intents/case.toml", bytes.as_ref())])
}

/// That a text is refused with exactly these words.
#[track_caller]
fn refused(bytes: impl AsRef<[u8]>, expected: &str) {
    let run = case(bytes);
    assert_eq!(run.stderr.trim_end(), expected.trim());
    assert_eq!(run.code, 1);
}

/// What a text is compiled to.
#[track_caller]
fn output(bytes: impl AsRef<[u8]>) -> Vec<(String, Vec<u8>)> {
    let project = Project::new();
    project.write("intents/app.toml", bytes);
    let run = netpolc(project.dir(), &["build"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    tree(&project.dir().join("out")).into_iter().map(|(path, bytes)| (path.display().to_string(), bytes)).collect()
}

#[test]
fn a_byte_order_mark_and_crlf_change_nothing() {
    let plain = output(GOOD);
    assert!(plain.len() > 4);
    assert_eq!(output(format!("\u{feff}{GOOD}")), plain);
    assert_eq!(output(GOOD.replace('\n', "\r\n")), plain);
    assert_eq!(output(format!("\u{feff}{}", GOOD.replace('\n', "\r\n"))), plain);
    assert_eq!(output(GOOD.trim_end()), plain, "without a final line feed");
    assert_eq!(output(format!("\n\n{}\t\n", GOOD.replace(" = ", "\t=\t"))).len(), plain.len(), "tabs and empty lines");
}

#[test]
fn crlf_is_placed_as_lf_is() {
    let bad = GOOD.replace("\"api\"\n", "\"ap\"\n");
    let plain = case(&bad);
    assert!(plain.stderr.contains("intents/case.toml:9:8"), "{}", plain.stderr);
    assert_eq!(case(bad.replace('\n', "\r\n")).stderr, plain.stderr);
}

#[test]
fn bare_carriage_returns() {
    refused(
        "app = \"shop\"\rowner = \"x\"\n",
        r#"
error[NP002]: bare carriage return (U+000D) in the text
 --> intents/case.toml:1:13
  |
1 | app = "shop"�owner = "x"
  |             ^
  |
  = help: end lines with a line feed

1 error; nothing was written
"#,
    );
}

#[test]
fn nul_in_a_text() {
    refused(
        b"app = \"sh\0op\"\n\0\0\n",
        r#"
error[NP002]: NUL in a text file
 --> intents/case.toml:1:10
  |
1 | app = "sh�op"
  |          ^
  |
  = help: save the file as UTF-8 text

1 error; nothing was written
"#,
    );
}

#[test]
fn invalid_utf8() {
    refused(
        b"app = \"shop\"\nowner = \"caf\xe9\"\n# \xff\n",
        r#"
error[NP002]: invalid UTF-8 on line 2: byte 0xE9
 --> intents/case.toml:2:13
  |
2 | owner = "caf�"
  |             ^
  |
  = help: save the file as UTF-8

error[NP002]: invalid UTF-8 on line 3: byte 0xFF
 --> intents/case.toml:3:3
  |
3 | # �
  |   ^
  |
  = help: save the file as UTF-8

2 errors; nothing was written
"#,
    );
}

#[test]
fn overlong_and_surrogate_sequences_are_no_utf8() {
    for bytes in [&b"# \xc0\xaf\n"[..], b"# \xed\xa0\x80\n", b"# \xf4\x90\x80\x80\n"] {
        let run = case([GOOD.as_bytes(), bytes].concat());
        assert_eq!(run.code, 1);
        assert!(run.stderr.contains("error[NP002]: invalid UTF-8 on line 11: byte 0x"), "{}", run.stderr);
    }
}

#[test]
fn utf16() {
    let expected = r#"
error[NP002]: the file is UTF-16, not UTF-8
 --> intents/case.toml:1:1
  |
1 | app = "shop"
  | ^^^^^^^^^^^^
  |
  = help: save the file as UTF-8

1 error; nothing was written
"#;
    let bytes = |text: &str, order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    refused(bytes(&format!("\u{feff}{GOOD}"), u16::to_le_bytes), expected);
    refused(bytes(&format!("\u{feff}{GOOD}"), u16::to_be_bytes), expected);
    let without_mark = case(bytes(GOOD, u16::to_le_bytes));
    assert!(without_mark.stderr.starts_with("error[NP002]: NUL in a text file\n"), "{}", without_mark.stderr);
}

#[test]
fn characters_that_deceive_are_counted_after_ten() {
    let run = case(format!("{GOOD}# {}\n", "\u{200b}".repeat(300)));
    assert_eq!(run.stderr.matches("error[NP002]").count(), 10);
    assert!(run.stderr.contains("290 more of its kind in this file"), "{}", run.stderr);
    assert!(!run.stderr.contains('\u{200b}'));
}

#[test]
fn no_control_character_reaches_the_terminal() {
    for c in
        ('\u{0}'..='\u{9f}').chain(['\u{ad}', '\u{200e}', '\u{202e}', '\u{2066}', '\u{2028}', '\u{feff}', '\u{e0041}'])
    {
        if (' '..='~').contains(&c) || matches!(c, '\n' | '\t') {
            continue;
        }
        let escape = format!("\\U{:08X}", u32::from(c));
        for text in [
            GOOD.replace("shop front", &format!("shop{c}front")),
            GOOD.replace("shop front", &format!("shop{escape}front")),
            GOOD.replace("\"api\"\n", &format!("\"{escape}\"\n")),
            format!("\"{escape}\" = 1\n{GOOD}"),
        ] {
            let run = case(&text);
            assert_eq!(run.code, 1, "U+{:04X}: {}", u32::from(c), run.stderr);
            assert!(!run.stderr.contains(c), "U+{:04X} was printed", u32::from(c));
        }
    }
}

#[test]
fn arrays_of_ten_thousand_levels() {
    let line = format!("x = {}{}", "[".repeat(10_000), "]".repeat(10_000));
    let run = case(format!("app = \"shop\"\n{line}\n"));
    assert_eq!(run.code, 1);
    assert!(run.stderr.starts_with("error[NP001]: lists or tables are nested too deeply\n --> intents/case.toml:2:"));
    assert!(run.stderr.ends_with("1 error; nothing was written\n"), "{}", run.stderr);
    for open in ["[", "{ a = ", "[[", "[{ a = "] {
        let run = case(format!("app = \"shop\"\nx = {}\n", open.repeat(10_000)));
        assert_eq!(run.code, 1);
        assert!(run.stderr.contains("nested too deeply"), "{open}: {}", run.stderr);
    }
}

#[test]
fn inline_tables_of_ten_thousand_levels() {
    let run = case(format!("app = \"shop\"\nx = {}1{}\n", "{ a = ".repeat(10_000), " }".repeat(10_000)));
    assert_eq!(run.code, 1);
    assert!(run.stderr.starts_with("error[NP001]: lists or tables are nested too deeply\n"), "{}", run.stderr);
}

#[test]
fn ten_thousand_inline_tables() {
    let run = case(format!("app = \"shop\"\nallow = [{}]\n", "{ from = \"a\" },".repeat(10_000)));
    assert_eq!(run.code, 1);
    assert_eq!(run.stderr.matches("error[NP004]: `allow` lacks the key `to`\n").count(), 500);
    assert!(run.stderr.starts_with("error[NP008]: the file has 500 errors or more\n"), "{}", &run.stderr[..300]);
    // The first are shown in full, the others as a line each.
    let last =
        "intents/case.toml:2:7495: error[NP004]: `allow` lacks the key `to`\n\n501 errors; nothing was written\n";
    assert!(run.stderr.ends_with(last), "{}", &run.stderr[run.stderr.len() - 300..]);
    assert_eq!(run.stderr.matches("help: add").count(), 199);
}

#[test]
fn a_dotted_key_of_a_hundred_thousand_parts() {
    let key = vec!["a"; 100_000].join(".");
    for line in [format!("{key} = 1"), format!("[{key}]"), format!("[[{key}]]")] {
        let run = case(format!("app = \"shop\"\n{line}\n"));
        assert_eq!(run.code, 1);
        assert!(
            run.stderr.starts_with("error[NP001]: a key has too many parts\n --> intents/case.toml:2:1\n"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.ends_with("1 error; nothing was written\n"), "{}", run.stderr);
    }
}

#[test]
fn names_of_254_characters() {
    let run = case(GOOD.replace("\"shop\"", &format!("\"{}\"", "a".repeat(254))));
    let shown = "a".repeat(80);
    assert!(
        run.stderr.starts_with(&format!("error[NP010]: app name `{shown}…` has 254 characters\n")),
        "{}",
        run.stderr
    );
    assert_eq!(run.code, 1);
    let run = case(GOOD.replace("\"front\"", &format!("\"{}\"", "n".repeat(254))));
    assert!(run.stderr.contains("error[NP010]: namespace `nnn"), "{}", run.stderr);
    let run = case(GOOD.replace("{ app = \"web\" }", &format!("{{ \"{}/app\" = \"web\" }}", "p".repeat(254))));
    assert!(run.stderr.contains("has no valid prefix before its slash"), "{}", run.stderr);
}

#[test]
fn a_string_of_a_million_characters_is_cut_where_it_is_shown() {
    let run = case(format!("app = \"{}\"\n", "a".repeat(1_000_000)));
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("has 1000000 characters"), "{}", run.stderr);
    assert!(run.stderr.len() < 2_000, "{} bytes", run.stderr.len());
}

#[test]
fn a_file_above_the_limit() {
    refused(
        "#\n".repeat(5 << 20),
        r#"
error[NP002]: `intents/case.toml` is larger than 8 MiB
 --> intents/case.toml:1:1
  |
1 |
  | ^
  |
  = help: split it into several files

1 error; nothing was written
"#,
    );
}

#[test]
fn a_file_of_nothing_but_syntax_errors_is_read_up_to_twenty() {
    let run = case("a =\n".repeat(1000));
    assert_eq!(run.code, 1);
    assert_eq!(run.stderr.matches("error[NP001]: the value is missing").count(), 20);
    assert!(run.stderr.contains("note: the rest of the file was not read"), "{}", run.stderr);
}

#[test]
fn errors_of_one_file_do_not_hide_those_of_another() {
    let run = build(&[
        ("intents/a.toml", b"app = \"a\0\"\n"),
        ("intents/b.toml", b"app = \"b\n"),
        ("intents/c.toml", GOOD.replace("shop", "c").replace("\"front\"", "\"Front\"").as_bytes()),
        (
            "intents/d.toml",
            GOOD.replace("shop", "d")
                .replace("back", "more")
                .replace("front", "most")
                .replace("to   = \"api\"", "to   = \"apo\"")
                .as_bytes(),
        ),
        ("netpolc.toml", b"[paths]\nintentz = \"x\"\n"),
    ]);
    let mut places = String::new();
    for line in run.stderr.lines().filter(|line| line.starts_with("error[") || line.contains("--> ")) {
        writeln!(places, "{}", line.trim()).unwrap();
    }
    let expected = "\
error[NP002]: NUL in a text file
--> intents/a.toml:1:9
error[NP001]: the string is not closed
--> intents/b.toml:1:9
error[NP010]: `Front` is no valid namespace
--> intents/c.toml:4:21
error[NP013]: `apo` is not declared
--> intents/d.toml:9:8
error[NP003]: unknown key `intentz`
--> netpolc.toml:2:1
";
    assert_eq!(places, expected, "{}", run.stderr);
    assert!(run.stderr.ends_with("5 errors; nothing was written\n"), "{}", run.stderr);
}

#[cfg(target_os = "linux")]
mod names_that_are_not_utf8 {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn as_an_argument() {
        let project = Project::new();
        project.write("intents/app.toml", GOOD);
        let output = Command::new(env!("CARGO_BIN_EXE_netpolc"))
            .arg("build")
            .arg(OsStr::from_bytes(b"intents/caf\xe9.toml"))
            .current_dir(project.dir())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with("error: invalid UTF-8 was detected in one or more arguments\n"), "{stderr}");
        assert!(!project.dir().join("out").exists());
    }

    #[test]
    fn as_a_file() {
        let project = Project::new();
        project.write("intents/app.toml", GOOD);
        let name = OsStr::from_bytes(b"caf\xe9.toml");
        if std::fs::write(project.dir().join("intents").join(name), GOOD).is_err() {
            return; // Some file systems take UTF-8 alone.
        }
        let run = netpolc(project.dir(), &["build"]);
        let expected = "\
error[NP007]: the name `intents/caf\u{fffd}.toml` is not UTF-8
 |
 = help: rename it

1 error; nothing was written
";
        assert_eq!((run.code, run.stderr.as_str()), (1, expected));
        assert!(!project.dir().join("out").exists());
    }

    #[test]
    fn as_a_file_with_a_newline() {
        let run = build(&[("intents/a\nb.toml", GOOD.as_bytes())]);
        assert_eq!(run.code, 1);
        assert!(
            run.stderr.contains("the name `intents/a\\u{a}b.toml` has an invisible or control character"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn warnings_are_errors_under_strict() {
    for case in
        ["identical-tiers", "two-tiers-share-pods", "tier-inside-another", "namespace-label-that-others-can-set"]
    {
        let project = Project::new();
        project.write(
            "intents/case.toml",
            std::fs::read(support::repo().join(format!("tests/ui/labels/{case}.toml"))).unwrap(),
        );
        let run = |args: &[&str]| {
            let run = netpolc(project.dir(), args);
            assert!(format!("{}{}", run.stdout, run.stderr).contains("warning[NP30"), "{case}: {}", run.stderr);
            run.code
        };
        assert_eq!((run(&["check"]), run(&["check", "--strict"])), (0, 1), "{case}");
    }
}
