//! What HTTP rules may say, character by character where a character could mean more than itself.

use super::*;

#[test]
fn paths_that_every_engine_reads_alike_are_accepted() {
    for path in [
        "/",
        "/api/v1/products",
        "/api/v[0-9]+/(orders|carts)/[^/]{1,36}(/items)?",
        "/a.*",
        "/a.*?b",
        "/(?:a|b)",
        "/[[:alpha:]]\\d\\w[^\\W]",
        "/file\\.txt",
        "/\\(\\[\\{\\*\\+\\|\\^\\$",
        "/[$]{2}",
        "/[]^-]",
        "/[^?/][^\\]\\-][^a-z]",
        "/\\x41\\x{42}",
        "/a%20b",
        "/((((((((((a))))))))))",
        "/(a{30}){30}",
        "/(a*){1000}",
    ] {
        assert_eq!(check_path(path), Ok(()), "{path}");
    }
}

#[test]
fn paths_that_engines_refuse_or_read_differently_are_refused() {
    for path in [
        "",
        "a",
        "(/a)",
        "/a|/b",
        "/a|",
        "/^a",
        "/a$",
        "/\\Aa",
        "/a\\z",
        "/\\ba",
        "/a\\B",
        "/a\\b{start}",
        "/a\\<",
        "/(?P<n>a)",
        "/(?<n>a)",
        "/(?i)a",
        "/(?s:.)",
        "/(?-u)a",
        "/(?x)a",
        "/(?=a)",
        "/(?!a)",
        "/(?<=a)",
        "/(?<!a)",
        "/(?>a)",
        "/(a)\\1",
        "/\\k<n>",
        "/\\pL",
        "/[\\PL]",
        "/\\p{Greek}",
        "/\\u0041",
        "/\\U00000041",
        "/\\u{41}",
        "/[\\u0041]",
        "/[\\u0041-\\u0042]",
        "/[a&&b]",
        "/[a--b]",
        "/[a~~b]",
        "/[a[b]]",
        "/[a-z&&[^b]]",
        "/a**",
        "/a*+",
        "/a{2}{3}",
        "/a???",
        "/a{1001}",
        "/a{1001,}",
        "/a{0,1001}",
        "/(a{32}){32}",
        "/(a{4294967295}){4294967295}",
        "/a{3,2}",
        "/a{",
        "/{",
        "/(",
        "/)",
        "/[",
        "/[b-a]",
        "/a\\",
        "/\\Qa\\E",
        "/\\C",
        "/\\012",
        "/${x}",
        "/\\${2}",
        "/[$]${x}",
    ] {
        assert!(check_path(path).is_err(), "{path}");
    }
}

/// What follows the first `?` of a request is no path.
#[test]
fn nothing_but_any_character_could_be_the_beginning_of_a_query() {
    for path in [
        "/a\\?b",
        "/[?]",
        "/a\\x3f",
        "/[!-~]",
        "/\\D",
        "/\\W",
        "/\\S",
        "/[a\\S]",
        "/[[:punct:]]",
        "/[[:^alpha:]]",
        "/[^]a]",
        "/[^-a]",
    ] {
        assert!(check_path(path).is_err(), "{path}");
    }
    for path in ["/.", "/[^/]", "/[^?]", "/[^\\D]", "/[^[:alpha:]]", "/[[:alpha:]]", "/[@-~]", "/a?"] {
        assert_eq!(check_path(path), Ok(()), "{path}");
    }
}

#[test]
fn a_path_holds_visible_ascii_characters_only() {
    for c in (0..=0x2fff).filter_map(char::from_u32).chain(['\u{feff}', '\u{1f600}']) {
        let refused = check_path(&format!("/{c}")).is_err();
        let meta = "()[{*+?^$|\\".contains(c);
        // `/*`, `/+` and `/?` repeat the slash.
        let repeats = "*+?".contains(c);
        assert_eq!(refused, !c.is_ascii_graphic() || (meta && !repeats), "{c:?}");
        if c != '\\' && c.is_ascii_punctuation() {
            let escaped = check_path(&format!("/\\{c}")).is_err();
            assert_eq!(escaped, "<>?".contains(c), "escaped {c:?}");
        }
    }
}

#[test]
fn a_path_of_the_greatest_length_is_read_and_a_deep_one_is_refused() {
    assert_eq!(check_path(&format!("/{}", "a".repeat(MAX_PATH - 1))), Ok(()));
    assert!(check_path(&format!("/{}", "a".repeat(MAX_PATH))).is_err());
    assert!(check_path(&format!("/{}{}", "(".repeat(400), ")".repeat(400))).is_err());
}

#[test]
fn methods_are_words_in_upper_case() {
    for method in ["GET", "PATCH", "M-SEARCH", "VERSION-CONTROL"] {
        assert_eq!(check_method(method), Ok(()), "{method}");
    }
    for method in
        ["", "get", "Get", "GET ", " GET", "GET|POST", "G.T", ".*", "^GET$", "-GET", "GET-", "A--B", "GÉT", "GET\n"]
    {
        assert!(check_method(method).is_err(), "{method:?}");
    }
    assert!(check_method(&"G".repeat(MAX_METHOD + 1)).is_err());
}

#[test]
fn names_of_headers_are_tokens() {
    for name in ["X-Tenant", "x_plan", "a", "X.Y", "!#$%&'*+-.^_`|~", "Hostname"] {
        assert_eq!(check_header_name(name), Ok(()), "{name}");
    }
    for name in [
        "",
        "host",
        "Host",
        "HOST",
        ":path",
        ":authority",
        "X-Tenant:",
        "X Tenant",
        " X",
        "X ",
        "X\n",
        "\"X\"",
        "X,Y",
        "X/Y",
        "${X}",
        "é",
    ] {
        assert!(check_header_name(name).is_err(), "{name:?}");
    }
    assert!(check_header_name(&"x".repeat(MAX_HEADER)).is_ok());
    assert!(check_header_name(&"x".repeat(MAX_HEADER + 1)).is_err());
}

#[test]
fn values_of_headers_are_visible_ascii_with_spaces_inside() {
    for value in
        ["blue", "a b", "Bearer x", "a: b", "'", "\"", "#x", "- a", "{{ x }}", "{% x %}", "$x", "*", "~", "null"]
    {
        assert_eq!(check_header_value(value), Ok(()), "{value}");
    }
    for value in
        ["", " ", " a", "a ", "a\nb", "a\r\nX: y", "a\tb", "a\0", "a\u{7f}", "å", "\u{202e}a", "${X}", "a${X}b"]
    {
        assert!(check_header_value(value).is_err(), "{value:?}");
    }
    assert!(check_header_value(&"x".repeat(MAX_VALUE)).is_ok());
    assert!(check_header_value(&"x".repeat(MAX_VALUE + 1)).is_err());
}

#[test]
fn no_other_character_gets_into_a_header() {
    for c in (0..=0x2fff).filter_map(char::from_u32).chain(['\u{feff}', '\u{1f600}']) {
        let token = c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        assert_eq!(check_header_name(&format!("x{c}y")).is_ok(), token, "{c:?}");
        assert_eq!(check_header_value(&format!("x{c}y")).is_ok(), c == ' ' || c.is_ascii_graphic(), "{c:?}");
        assert_eq!(check_header_value(&c.to_string()).is_ok(), c.is_ascii_graphic(), "{c:?}");
    }
}
