mod equal;

use std::process::Command;
use std::time::Instant;

use proptest::prelude::*;
use serde::Serialize;

use super::*;
use crate::diag::Diagnostic;
use crate::dialects::{Review, Shared, Writer};
use crate::model::Model;
use crate::verify::normal;

/// Texts that some reader of YAML takes for something else, or that end the scalar they stand in.
const HAZARDS: &[&str] = &[
    "app == 'web'",
    "app == 'web' && track == 'x'",
    "has(x) && y not in {'a', 'b'}",
    "'app' == 'web'",
    "a' # b",
    "a '",
    "a=",
    "a&",
    "a &b *c",
    "a'b: c",
    "",
    " ",
    "~",
    "null",
    "Null",
    "NULL",
    "true",
    "True",
    "FALSE",
    "yes",
    "No",
    "ON",
    "off",
    "y",
    "Y",
    "n",
    "N",
    "t",
    "F",
    "1",
    "-1",
    "+1",
    "0",
    "010",
    "0o10",
    "0x1F",
    "0b11",
    "1_000",
    "1e3",
    "1E3",
    "-1e3",
    "1.5",
    ".5",
    "5.",
    "1.",
    "12:30",
    "1:30:00",
    "190:20:30.15",
    ".inf",
    "-.Inf",
    ".nan",
    "inf",
    "NaN",
    "Infinity",
    "2026-11-20",
    "2026-11-20T12:00:00Z",
    "2026-11-20 12:00:00",
    "00000107e6880793",
    "123e4567",
    "0123456789abcdef",
    "1234567",
    "08",
    "a: b",
    "a:",
    ":a",
    "a #b",
    "#a",
    " a",
    "a ",
    "- a",
    "-",
    "--",
    "---",
    "...",
    "? a",
    "?",
    "!a",
    "!!int 1",
    "&a",
    "*a",
    "|",
    ">",
    "> a",
    "@a",
    "`a`",
    "%a",
    "{a}",
    "[a]",
    "{",
    "]",
    ",",
    "a,b",
    "a, b",
    "'",
    "''",
    "\"",
    "\"a\"",
    "it's",
    "\\",
    "\\n",
    "a\\",
    "<<",
    "=",
    "a\nb",
    "\n",
    "\r\n",
    "a\n---\nb",
    "\t",
    "a\tb",
    "\0",
    "\u{7f}",
    "\u{85}",
    "\u{9f}",
    "\u{a0}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{fdd0}",
    "\u{1fffe}",
    "\u{10ffff}",
    "\u{202e}abc",
    "\u{200b}",
    "häuser",
    "日本",
    "😀",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "255.255.255.255/32",
    "1.2.3.4",
    "fd00::/8",
    "::/0",
    "::",
    "{{ x }}",
    "{% x %}",
    "web -> api",
    "a; b",
    "a  b",
    "a >",
    "a -",
    "a;",
    "/x",
    "_",
    "_1",
    "/",
    "e3",
    "E1",
    "x1e3",
    "kubernetes.io/metadata.name",
    "3scale",
    "1/2",
    "1.2.3.4/8/9",
    "a.",
    "a(b)",
];

fn second_opinion(yaml: &str) -> String {
    match serde_yaml::from_str::<serde_yaml::Value>(yaml).unwrap() {
        serde_yaml::Value::Mapping(map) => match map.into_iter().next().unwrap() {
            (serde_yaml::Value::String(key), serde_yaml::Value::String(value)) if key == "k" => value,
            other => panic!("{yaml}: {other:?}"),
        },
        other => panic!("{yaml}: {other:?}"),
    }
}

fn strict_reader(yaml: &str) -> String {
    let options = serde_saphyr::options! { no_schema: true, legacy_octal_numbers: true };
    let map: std::collections::BTreeMap<String, String> =
        serde_saphyr::from_str_with_options(yaml, options).unwrap_or_else(|error| panic!("{yaml}: {error}"));
    map["k"].clone()
}

fn reads_back(text: &str) {
    let yaml = format!("k: {}\n", yaml_scalar(text));
    assert_eq!(yaml.lines().count(), 1, "{yaml:?}");
    assert_eq!(second_opinion(&yaml), text, "{yaml}");
    assert_eq!(strict_reader(&yaml), text, "{yaml}");
    let as_key = format!("{}: k\n", yaml_scalar(text));
    let map: std::collections::BTreeMap<String, String> = serde_saphyr::from_str(&as_key).unwrap();
    assert_eq!(map.keys().next().unwrap(), text, "{as_key}");
}

#[test]
fn hazardous_text_reads_back_as_the_same_text() {
    for text in HAZARDS {
        reads_back(text);
    }
}

#[test]
fn ordinary_names_stay_plain() {
    for text in [
        "web",
        "shop--api--ingress-from--web",
        "app.kubernetes.io/name",
        "intents/app.toml",
        "web -> api",
        "the shop front calls the API",
        "10.0.0.0/8",
        "Default-Deny",
    ] {
        assert_eq!(yaml_scalar(text), text);
    }
    assert_eq!(yaml_scalar("orders are stored, cards are charged"), "\"orders are stored, cards are charged\"");
    assert_eq!(yaml_scalar("a\u{7f}\u{2028}\u{1fffe}"), r#""a\x7F\u2028\U0001FFFE""#);
}

proptest! {
    #[test]
    fn any_text_reads_back_as_the_same_text(text in any::<String>()) {
        reads_back(&text);
    }

    #[test]
    fn texts_of_syntax_read_back_as_the_same_text(text in "[-+.:#?!&*|>@`%{}\\[\\],'\"\\\\<=~ \\ta-fA-FyYnNoO0-9xX_/\\n]{0,12}") {
        reads_back(&text);
    }
}

#[expect(clippy::print_stdout, reason = "a test that cannot run says so")]
fn skipped(reason: &str) {
    println!("skipped: {reason}");
}

/// kubectl's own reader, through a ConfigMap that it reads and writes again.
#[test]
fn kubectl_reads_hazardous_text_as_the_same_text() {
    if !Command::new("kubectl").args(["version", "--client"]).output().is_ok_and(|out| out.status.success()) {
        skipped("there is no kubectl here");
        return;
    }
    let mut yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  annotations:\n".to_owned();
    // kustomize reads these too, but writes them back raw, which its own reader then refuses.
    let writable = |text: &&&str| !text.contains(['\u{7f}', '\u{85}', '\u{9f}', '\u{fffe}', '\u{ffff}']);
    for (n, text) in HAZARDS.iter().filter(writable).enumerate() {
        yaml.push_str(&format!("    k{n}: {}\n", yaml_scalar(text)));
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.yaml"), yaml).unwrap();
    std::fs::write(folder.path().join("kustomization.yaml"), "resources: [x.yaml]\n").unwrap();
    let out = Command::new("kubectl").arg("kustomize").arg(folder.path()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let read: serde_yaml::Value = serde_yaml::from_slice(&out.stdout).unwrap();
    for (n, text) in HAZARDS.iter().filter(writable).enumerate() {
        assert_eq!(read["metadata"]["annotations"][format!("k{n}")].as_str(), Some(*text), "{text:?}");
    }
}

struct Test;

impl Dialect for Test {
    fn name(&self) -> &'static str {
        "test"
    }
    fn templates(&self) -> &'static [(&'static str, &'static str)] {
        &[("a.yaml.j2", "a: {{ a }}\n"), ("part.yaml.j2", "part: {{ a }}\n")]
    }
    fn review(&self, _: &Model) -> Review {
        Review::default()
    }
    fn writer<'m>(&self, _: &'m Model, _: &'m crate::lower::Shared) -> Box<dyn Writer + 'm> {
        panic!("a renderer is given its documents")
    }
    fn shared(&self, _: &Sources, _: &[FileId]) -> Option<Box<dyn Shared>> {
        None
    }
    fn capabilities(&self) -> normal::Capabilities {
        crate::dialects::kubernetes::Kubernetes.capabilities()
    }
    fn read(&self, _: &Sources, _: &[FileId]) -> Result<Vec<normal::File>, Vec<Diagnostic>> {
        Ok(vec![])
    }
    fn kinds(&self) -> crate::dialects::reading::Kinds {
        crate::dialects::reading::Kinds { known: &[], help: "nothing" }
    }
    fn readings(
        &self,
        _: &[crate::dialects::reading::text::Doc<'_>],
        _: &crate::dialects::Assumed,
    ) -> Result<Vec<normal::Reading>, Vec<Diagnostic>> {
        Ok(vec![])
    }
}

#[derive(Serialize)]
struct View {
    a: &'static str,
    number: u16,
    float: f64,
    flag: bool,
    none: Option<u8>,
    list: Vec<&'static str>,
    nested: Vec<(&'static str, &'static str)>,
}

fn view() -> View {
    View {
        a: "no",
        number: 80,
        float: 0.5,
        flag: true,
        none: None,
        list: vec!["x", "y"],
        nested: vec![("k", "v"), ("on", "off")],
    }
}

fn render_with(template: &str) -> Result<String, (Sources, Vec<Diagnostic>)> {
    let mut sources = Sources::default();
    let file = sources.add("templates/test/a.yaml.j2", template.to_owned());
    let overrides = [(Utf8PathBuf::from("test/a.yaml.j2"), file)];
    let document = Document::new("allow/x.yaml", "a.yaml.j2", view(), 100, [Utf8PathBuf::from("intents/app.toml")]);
    let renderer = match Renderer::new(&Test, &overrides, &mut sources) {
        Ok(renderer) => renderer,
        Err(errors) => return Err((sources, errors)),
    };
    match renderer.render(&sources, &[document.clone(), document]) {
        Ok(rendered) => Ok(rendered[0].text.clone()),
        Err(errors) => Err((sources, errors)),
    }
}

/// Line, message and helps of the only error.
#[track_caller]
fn error_of(template: &str) -> (usize, String, String) {
    let start = Instant::now();
    let (sources, errors) = render_with(template).expect_err("an error was expected");
    assert!(start.elapsed().as_secs_f32() < 5.0, "took {:?}", start.elapsed());
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let error = &errors[0];
    assert_eq!(error.code, codes::TEMPLATE);
    let span = error.primary.as_ref().unwrap().span;
    assert_eq!(sources.path(span.file), "templates/test/a.yaml.j2");
    (sources.line_col(span).0, error.message.clone(), error.help.join("; "))
}

#[test]
fn values_are_escaped_and_the_text_ends_once() {
    let text = render_with(
        "a: {{ a }}\n{% for key, value in nested %}\n{{ key }}: {{ value }}\n{% endfor %}\nn: {{ number }}\nf: {{ flag }}\n\n\n",
    );
    assert_eq!(text.unwrap(), "a: \"no\"\nk: v\n\"on\": \"off\"\nn: 80\nf: true\n");
}

#[test]
fn templates_may_use_the_language_that_the_readme_promises() {
    for (template, want) in [
        ("{% for x in list if x != 'x' %}- {{ x }}{% else %}none{% endfor %}", "- \"y\""),
        ("{% for x in range(2) %}{{ loop.index0 }}{{ loop.last }}{% endfor %}", "0false1true"),
        ("{% set b = list|join('; ') %}{{ b }}", "x; y"),
        ("{% if a in ['yes', 'no'] and not (number > 80 or flag is false) %}k: 1{% endif %}", "k: 1"),
        ("{# a ~ b #}k: {{ a|replace('n', 'g') }}", "k: go"),
        ("{% include \"part.yaml.j2\" %}", "part: \"no\""),
        ("{%- if missing is not defined and 'k' is string -%}\nk: {{ list[0] }}\n{%- endif +%}\n", "k: x"),
        ("k: {{ list|first|upper|default('y') }} # a + b * c ~ d", "k: X # a + b * c ~ d"),
        ("k: {{ 'a' if flag else 'b' }}", "k: a"),
    ] {
        let text = render_with(template).unwrap_or_else(|(_, errors)| panic!("{template}: {errors:#?}"));
        assert_eq!(text.lines().collect::<Vec<_>>().join("\n"), want, "{template}");
    }
}

#[test]
fn crlf_in_a_template_gives_the_same_output() {
    assert_eq!(render_with("a: {{ a }}\r\nb: 1\r\n").unwrap(), render_with("a: {{ a }}\nb: 1\n").unwrap());
}

#[test]
fn what_is_not_in_the_language_is_refused_at_its_line() {
    for (template, what) in [
        ("{% macro m() %}{% endmacro %}", "the statement `macro`"),
        ("{% set x %}a{% endset %}", "the statement `endset`"),
        ("{%- raw %}{{ ' }}{% endraw %}{{ a ~ a }}", "the statement `raw`"),
        ("{% import 'x' as x %}", "the statement `import`"),
        ("{% filter upper %}{% endfilter %}", "the statement `filter`"),
        ("{{ a ~ a }}", "the operator `~`"),
        ("{{ a + a }}", "the operator `+`"),
        ("{{ a * 9 }}", "the operator `*`"),
        ("{% set x = [a, a] %}", "a list of anything but literals"),
        ("{% set x = [['a']] %}", "a list of anything but literals"),
        ("{% set x = (a, a) %}", "a tuple"),
        ("{% set x = a, a %}", "a tuple"),
        ("{% for x in a, a %}{% endfor %}", "a tuple"),
        ("{{ {'a': 1} }}", "a brace inside an expression"),
        ("{{ debug() }}", "the function `debug`"),
        ("{{ namespace() }}", "the function `namespace`"),
        ("{{ a.upper() }}", "the function `upper`"),
        ("{{ list[0](1) }}", "a call of a value"),
        ("{% for x in list recursive %}{% endfor %}", "`recursive`"),
        ("{{ 'a }}", "an unterminated string"),
    ] {
        let (sources, errors) = render_with(&format!("k: v\n\n{template}\n")).unwrap_err();
        let error = &errors[0];
        assert_eq!(error.message, format!("templates do not have {what}"), "{template}");
        assert_eq!(sources.line_col(error.primary.as_ref().unwrap().span).0, 3, "{template}");
        assert!(!error.help.is_empty());
    }
}

#[test]
fn what_cannot_be_written_is_an_error() {
    for (expression, kind) in
        [("list", "sequence"), ("nested", "sequence"), ("none", "none"), ("float", "float"), ("loop", "")]
    {
        let (line, message, _) = error_of(&format!("k: 1\nv: {{{{ {expression} }}}}\n"));
        assert_eq!(line, 2);
        if !kind.is_empty() {
            assert_eq!(message, format!("cannot write a {kind} into YAML"));
        }
    }
}

#[test]
fn an_undefined_name_is_an_error_that_lists_what_there_is() {
    let (line, message, help) = error_of("k: 1\n\nv: {{ polices }}\n");
    assert_eq!((line, message.as_str()), (3, "the template uses a name that is not defined"));
    assert!(help.starts_with("the template is given: `a`, `number`"), "{help}");
    assert_eq!(error_of("{% if missing %}{% endif %}").0, 1);
    assert_eq!(error_of("{{ a.b.c }}").0, 1);
    assert_eq!(error_of("{% for x in missing %}{% endfor %}").0, 1);
}

#[test]
fn syntax_errors_and_unknown_names_of_the_engine_have_their_line() {
    assert_eq!(error_of("a: 1\n{% if flag %}\n").0, 2);
    let (line, _, help) = error_of("a: 1\nb: {{ a|tojson }}\n");
    assert_eq!(line, 2);
    assert!(help.contains("join"), "{help}");
    for filter in ["safe", "escape", "e", "tojson", "urlencode", "format('a')", "indent(9)", "batch(2)", "pprint"] {
        error_of(&format!("{{{{ a|{filter} }}}}"));
    }
}

#[test]
fn nothing_outside_can_be_included() {
    for name in ["../../etc/passwd", "/etc/passwd", "b.yaml.j2", "../test/part.yaml.j2"] {
        let (_, message, help) = error_of(&format!("{{% include \"{name}\" %}}"));
        assert!(message.contains("does not exist") || message.contains("include"), "{message}");
        assert!(help.contains("part.yaml.j2"), "{help}");
    }
}

#[test]
fn endless_work_ends_in_an_error() {
    let loops = "{% for a in range(1000) %}".repeat(4);
    let ends = "{% endfor %}".repeat(4);
    assert_eq!(error_of(&format!("{loops}{ends}")).1, "the template runs too long");
    let text = "x".repeat(1000);
    assert_eq!(error_of(&format!("{loops}{text}{ends}")).1, "the template writes too much");
    error_of("{% include \"a.yaml.j2\" %}");
    error_of("{% include \"a.yaml.j2\" %}{% include \"a.yaml.j2\" %}");
    error_of("{% for x in range(1000000000) %}{% endfor %}");
    error_of("{% for x in range(-9223372036854775807, 9223372036854775807, 1) %}{% endfor %}");
    error_of(&"{% if flag %}".repeat(4000));
}

#[test]
fn a_text_that_doubles_ends_in_an_error() {
    error_of("{% for i in range(100) %}{% set a = a ~ a %}{% endfor %}");
    let replaced = "{% set a = a|replace('o', 'oo') %}".repeat(60);
    assert_eq!(error_of(&format!("{replaced}{{{{ a }}}}")).1, "the replaced text is too long");
    error_of("{% set a = nested|join(a) %}");
    let listed = "{% set a = [1,2,3,4]|join(a) %}".repeat(60);
    assert_eq!(error_of(&format!("{listed}{{{{ a }}}}")).1, "the joined text is too long");
}

#[test]
fn output_that_no_file_may_hold_is_an_error() {
    assert_eq!(error_of("a:\tb\n").1, "the template writes a tab: `a:\u{5c}u{9}b`");
    assert!(error_of("a: ${b}\n").1.starts_with("the template writes `${`, which Flux would replace"));
    assert_eq!(error_of("{# nothing #}\n").1, "the template writes nothing");
}

#[test]
fn an_override_of_nothing_is_an_error_with_a_suggestion() {
    let mut sources = Sources::default();
    let file = sources.add("templates/test/aa.yaml.j2", "x");
    let other = sources.add("templates/kubernets/allow.yaml.j2", "x");
    let overrides = [("test/aa.yaml.j2".into(), file), ("kubernets/allow.yaml.j2".into(), other)];
    let errors = Renderer::new(&Test, &overrides, &mut sources).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].message, "`aa.yaml.j2` is no template of test");
    assert_eq!(errors[0].help[0], "did you mean `a.yaml.j2`?");
    let strays = stray_overrides(&overrides[1..], &sources);
    assert_eq!(strays[0].message, "template `kubernets/allow.yaml.j2` belongs to no dialect");
    assert_eq!(strays[0].help[0], "did you mean `kubernetes`?");
}

#[test]
fn an_oversized_template_is_an_error() {
    let (_, message, _) = error_of(&"# x\n".repeat(20_000));
    assert_eq!(message, "the template is larger than 64 KiB");
}
