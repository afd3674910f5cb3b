//! Plain templates are written as the engine writes them, to the byte, or left to it.

use super::*;
use crate::checks::testing::Draft;
use crate::dialects::view::View;

type OfEngine = Result<String, Box<Diagnostic>>;

/// How a document is rendered by its program, and by the engine. `None` where a template is refused.
fn both(template: &str, view: impl Serialize) -> Option<(Option<String>, OfEngine)> {
    let mut sources = Sources::default();
    let file = sources.add("templates/test/a.yaml.j2", template.to_owned());
    let renderer = Renderer::new(&Test, &[("test/a.yaml.j2".into(), file)], &mut sources).ok()?;
    let document = Document::new("allow/x.yaml", "a.yaml.j2", view, 100, []);
    Some((by_program(&renderer, &document), renderer.interpret(&sources, &document)))
}

/// Behind a text that is there already, which stays.
fn by_program(renderer: &Renderer, document: &Document) -> Option<String> {
    let program = renderer.programs.get(document.template)?;
    let mut out = "header\n".to_owned();
    run::run(program, document.view.flat()?, budget(document), &mut out)?;
    out.strip_prefix("header\n").map(str::to_owned)
}

/// Renders a template both ways. Whether the program wrote it.
#[track_caller]
fn equal(template: &str, view: impl Serialize) -> bool {
    let Some((fast, slow)) = both(template, view) else { return false };
    if let Some(fast) = &fast {
        assert_eq!(Some(fast), slow.as_ref().ok(), "{template:?}: {slow:?}");
    }
    fast.is_some()
}

#[derive(Debug, Clone, Serialize)]
struct Given {
    s: String,
    empty: &'static str,
    n: u16,
    zero: u32,
    yes: bool,
    no: bool,
    nil: Option<u8>,
    some: Option<&'static str>,
    strings: Vec<String>,
    pairs: Vec<(String, String)>,
    nothing: Vec<u8>,
    objects: Vec<Object>,
    object: Object,
    unit: (),
    bare: Bare,
}

#[derive(Debug, Clone, Serialize)]
struct Object {
    s: String,
    strings: Vec<String>,
    port: Option<u16>,
}

#[derive(Debug, Clone, Serialize)]
struct Bare {}

fn given(texts: &[&str]) -> Given {
    let text = |at: usize| texts.get(at % texts.len().max(1)).unwrap_or(&"x").to_string();
    let object =
        |at: usize| Object { s: text(at), strings: (0..at).map(text).collect(), port: (at != 1).then_some(at as u16) };
    Given {
        s: text(0),
        empty: "",
        n: 80,
        zero: 0,
        yes: true,
        no: false,
        nil: None,
        some: Some("some"),
        strings: texts.iter().map(|text| (*text).to_owned()).collect(),
        pairs: texts.iter().map(|value| ("key".to_owned(), (*value).to_owned())).collect(),
        nothing: vec![],
        objects: (0..3).map(object).collect(),
        object: object(2),
        unit: (),
        bare: Bare {},
    }
}

/// What the program must write itself, and no engine.
#[track_caller]
fn plain(template: &str) {
    assert!(equal(template, given(&["web", "no", "a b"])), "{template:?} is left to the engine");
}

/// What is left to the engine.
#[track_caller]
fn left(template: &str) {
    assert!(!equal(template, given(&["web", "no", "a b"])), "{template:?} is not left to the engine");
}

#[test]
fn the_plain_part_of_the_language_needs_no_engine() {
    for template in [
        "k: v",
        "k: {{ s }}\n\n",
        "{{ s }}{{n}}{{ yes }}{{ no }}{{\tzero\n}}",
        "{# a {{ b }} {% c %} #}\nk: {{ object.s }}\n",
        "{% for x in strings %}\n- {{ x }}\n{% endfor %}\n",
        "{% for k, v in pairs %}{{ k }}: {{ v }}\n{% endfor %}k",
        "k{% for x in nothing %}- {{ missing }}{% endfor %}",
        "{% for o in objects %}{% if not loop.first %}---\n{% endif %}{{ o.s }}{% for x in o.strings %}{{ x }}{{ loop.last }}\
         {% endfor %}{{ loop.first }}{% if o.port %}{{ o.port }}{% endif %}{% endfor %}",
        "k{% if no %}{{ missing }}{% elif nil %}{{ missing }}{% elif yes %}a{% else %}{{ missing }}{% endif %}",
        "k{% if not yes %}a{% else %}b{% endif %}{% if some %}c{% endif %}{% if empty %}d{% else %}e{% endif %}",
        "k{% if zero %}a{% endif %}{% if n %}b{% endif %}{% if nothing %}c{% endif %}{% if strings %}d{% endif %}",
        "k{% if object %}a{% endif %}{% if bare %}b{% endif %}{% if unit %}c{% endif %}{% if not unit %}d{% endif %}",
        // Names of loops, and where they end.
        "{% for s in strings %}{{ s }}{% for s in s_ %}{% endfor %}{% endfor %}".replace("s_", "nothing").as_str(),
        "{% for s in strings %}{{ s }}{% endfor %}{{ s }}",
        "{% for strings in strings %}{{ strings }}{% endfor %}",
        "{% for k, k in pairs %}{{ k }}{% endfor %}",
        "{% for object in objects %}{% for s in object.strings %}{{ s }}{% endfor %}{{ object.s }}{% endfor %}{{ object.s }}",
    ] {
        plain(template);
    }
}

#[test]
fn white_space_goes_as_the_engine_has_it() {
    let spaces = ["", " ", "\n", "\n\n", " \n ", "x ", " x", "x\n  ", "\n  x", "\u{a0}\n\u{a0}", "\t\n", "x\n\u{2003}"];
    let tags = [
        ("{%", "if yes", "%}", "{% endif %}"),
        ("{#", "c", "#}", ""),
        ("{#", "", "#}", ""),
        ("{{", "s", "}}", ""),
        ("{%", "for x in strings", "%}", "{% endfor %}"),
    ];
    for (open, inside, close, end) in tags {
        for (left, right) in ["", "-", "+"].iter().flat_map(|left| ["", "-", "+"].map(|right| (left, right))) {
            for before in spaces {
                for after in spaces {
                    let tag = format!("{open}{left} {inside} {right}{close}");
                    equal(&format!("{before}{tag}{after}{end}{after}{tag}{end}{before}"), given(&["web", "no"]));
                    plain(&format!("a{tag}{}{end}b", after.replace('\t', " ")));
                }
            }
        }
    }
    for template in ["a{##}b", "a{#-#}b", "a {#--#} b", "a{#+#}\nb", "{{s}}", "{%if yes%}a{%endif%}", "{{- s -}}\n\n"] {
        plain(template);
    }
}

#[test]
fn what_is_more_than_plain_is_left_to_the_engine() {
    for template in [
        "",
        "\n\n",
        "{{ s|upper }}",
        "{{ 's' }}",
        "{{ 1 }}",
        "{{ true }}",
        "{% if none %}{% endif %}{% if True %}a{% endif %}",
        "{{ strings[0] }}",
        "{{ strings.0 }}",
        "{{ object . port . x }}",
        "{% if yes and no %}a{% endif %}",
        "{% if yes == no %}a{% endif %}",
        "{% if not not yes %}a{% endif %}",
        "{% if (yes) %}a{% endif %}",
        "{% if s is string %}a{% endif %}",
        "{% for x in strings if x %}a{% endfor %}",
        "{% for x in nothing %}{% else %}a{% endfor %}",
        "{% for (k, v) in pairs %}a{% endfor %}",
        "{% for k, v, in pairs %}a{% endfor %}",
        "{% for x in range(2) %}{{ loop.index }}{% endfor %}",
        "{% for x in strings %}{{ loop.index }}{% endfor %}",
        "{% for x in object %}{{ x }}{% endfor %}",
        "{% for x, y in strings %}a{% endfor %}",
        "{% for x in s %}{{ x }}{% endfor %}",
        "{% set x = s %}{{ x }}",
        "{% include 'part.yaml.j2' %}",
        "{% include s %}",
        "a\r\nb\rc",
        "{{ missing }}",
        "{% if missing %}{% endif %}a",
        "{% if object.missing %}{% endif %}a",
        "{% for x in missing %}{% endfor %}a",
        "{{ loop.first }}",
        "{{ s.x }}",
        "{{ nil.x }}",
        "{{ nil }}",
        "{{ strings }}",
        "{{ object }}",
        "a\tb",
        "a: ${b}",
        "{{ s }",
        "{% if yes %}a",
        "{% endif %}",
        "{# a",
        "{{ raw }}{% raw %}{{ s }}{% endraw %}",
    ] {
        left(template);
    }
    // What is written needs quotes, and holds what no file may.
    for text in ["${", "a ${b}", "$ {"] {
        assert_eq!(equal("k: {{ s }}", given(&[text])), text == "$ {", "{text}");
    }
    // A dollar at the end of a text, and a brace at the beginning of the next.
    left("a$\u{7b}{% if yes %}{b}{% endif %}");
    left("a${% if yes %}{b}{% endif %}");
    plain("a: ${{ s }}");
    plain("a$ {% if yes %}{b}{% endif %}");
}

/// Views that are not laid out flat.
#[test]
fn a_view_of_anything_else_is_left_to_the_engine() {
    #[derive(Serialize)]
    struct Has<T> {
        x: T,
    }
    #[derive(Serialize)]
    enum Kind {
        Unit,
        Newtype(u8),
        Tuple(u8, u8),
        Struct { a: u8 },
    }
    #[derive(Serialize)]
    struct Wrapper(u8);
    #[derive(Serialize)]
    struct Two(u8, u8);
    let map = BTreeMap::from([("a", 1)]);
    assert!(equal("{{ x }}", Has { x: Wrapper(1) }));
    assert!(equal("{{ x }}", Has { x: Kind::Unit }));
    assert!(equal("{{ x }}", Has { x: u64::from(u32::MAX) }));
    assert!(equal("{% for a, b in x %}{{ a }}{% endfor %}", Has { x: [(1_u8, 2_u8)] }));
    assert!(equal("{% for a, b in x %}{{ a }}{% endfor %}", Has { x: [[1_u8, 2]] }));
    assert!(!equal("{% for a, b in x %}{{ a }}{% endfor %}", Has { x: [[1_u8, 2, 3]] }));
    for (template, flat) in [("{{ x }}", false), ("{% if x %}a{% endif %}", false)] {
        assert_eq!(equal(template, Has { x: &map }), flat);
        assert_eq!(equal(template, Has { x: 1.5 }), flat);
        assert_eq!(equal(template, Has { x: -1 }), flat);
        assert_eq!(equal(template, Has { x: 'c' }), flat);
        assert_eq!(equal(template, Has { x: u64::MAX }), flat);
        assert_eq!(equal(template, Has { x: u128::MAX }), flat);
        assert_eq!(equal(template, Has { x: Kind::Newtype(1) }), flat);
        assert_eq!(equal(template, Has { x: Kind::Tuple(1, 2) }), flat);
        assert_eq!(equal(template, Has { x: Kind::Struct { a: 1 } }), flat);
        assert_eq!(equal(template, Has { x: Two(1, 2) }), flat);
    }
    assert!(!equal("{{ x }}", &map));
    assert!(!equal("{{ x }}", "text"));
    let view = |value: &dyn Fn() -> View| format!("{:?}", value());
    let x = given(&["web", "no"]);
    assert_eq!(view(&|| View::new(&x)), format!("{:?}", minijinja::Value::from(minijinja::value::Serde(&x))));
    assert_eq!(view(&|| View::new(&map)), format!("{:?}", minijinja::Value::from(minijinja::value::Serde(&map))));
}

/// Structs of one type whose fields differ, as `skip_serializing_if` makes them.
#[test]
fn fields_are_found_whatever_else_a_struct_has() {
    #[derive(Serialize)]
    struct Thin {
        #[serde(skip_serializing_if = "Option::is_none")]
        a: Option<u8>,
        b: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        c: Option<u8>,
    }
    #[derive(Serialize)]
    struct All {
        x: Vec<Thin>,
    }
    let thin = |a, c| Thin { a, b: 2, c };
    let all = [thin(None, None), thin(Some(1), None), thin(None, Some(3)), thin(Some(1), Some(3)), thin(None, None)];
    assert!(equal("{% for t in x %}{{ t.b }}{% endfor %}", All { x: all.into() }));
    assert!(!equal("{% for t in x %}{{ t.a }}{% endfor %}", All { x: vec![thin(Some(1), None), thin(None, None)] }));
}

/// Wherever the engine runs out of fuel, or finds the text too long, the program gives up.
#[test]
fn no_program_does_more_than_the_engine_may() {
    let view = View::new(&given(&["web", "no", "a b"]));
    for template in [
        "a",
        "{{ s }}{{ object.s }}",
        "{% for x in strings %}{{ x }}{% endfor %}",
        "{% for k, v in pairs %}{{ k }}: {{ v }}\n{% endfor %}",
        "{% for o in objects %}{% for x in o.strings %}{% if loop.last %}{{ x }}{% endif %}{% endfor %}{% endfor %}a",
        "a{% if not no %}b{% endif %}{% if yes %}c{% else %}d{% endif %}{% if no %}{% elif no %}{% else %}{% endif %}",
    ] {
        let program = program::program(template).unwrap();
        let of_program = |fuel, bytes| {
            run::run(&program, view.flat().unwrap(), Budget { fuel, bytes }, &mut String::new()).is_some()
        };
        let of_engine = |fuel: usize| {
            let mut env = engine::environment();
            env.set_fuel(Some(fuel as u64));
            env.render_str(template, view.value()).is_ok()
        };
        let first = |of: &dyn Fn(usize) -> bool| (1..1_000).find(|most| of(*most)).unwrap();
        assert_eq!(first(&|fuel| of_program(fuel, 1_000)), first(&of_engine), "{template}");
        let mut env = engine::environment();
        env.set_fuel(None);
        let length = env.render_str(template, view.value()).unwrap().len();
        assert_eq!(first(&|bytes| of_program(1_000, bytes)), length, "{template}");
    }
}

#[test]
fn loops_in_loops_end() {
    let depth = 8;
    let open: String = (0..depth).map(|n| format!("{{% for x{n} in strings %}}")).collect();
    let texts: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for inside in ["", "a", "{% if yes %}{% endif %}"] {
        assert!(!equal(&format!("{open}{inside}{}", "{% endfor %}".repeat(depth)), given(&texts)));
    }
    let many = |depth: usize| "{% for x in strings %}".repeat(depth) + "{{ x }}" + &"{% endfor %}".repeat(depth);
    assert!(equal(&many(16), given(&["x"])));
    assert!(!equal(&many(17), given(&["x"])));
}

/// The promise of speed: what is built in needs no engine.
#[test]
fn built_in_templates_are_plain() {
    let draft = Draft::new()
        .tiers("web api")
        .tier("any", "shop", "")
        .external("cdn", "198.51.100.0/24", "198.51.100.8/29")
        .edge("web -> api", "443/TCP")
        .edge("api -> cdn", "443/TCP")
        .edge("any -> api", "8000-8100/TCP");
    let model = draft.model();
    let policies = crate::lower::lower(&model);
    for dialect in REGISTRY {
        let mut sources = Sources::default();
        let renderer = Renderer::new(*dialect, &[], &mut sources).unwrap();
        for (name, _) in dialect.templates() {
            assert!(renderer.programs.contains_key(name), "{name} of {}", dialect.name());
        }
        for document in dialect.documents(&model, &policies).unwrap() {
            let text = by_program(&renderer, &document).unwrap_or_else(|| panic!("{}", document.path));
            assert_eq!(text, renderer.interpret(&sources, &document).unwrap());
        }
    }
}

/// A template of a few bytes' choice, all of the plain language, with names that are mostly there.
fn made(choices: &mut std::slice::Iter<'_, u8>, names: &mut Vec<(String, char)>, depth: usize, out: &mut String) {
    const TEXTS: [&str; 16] =
        ["\n", " ", "  ", "a: ", "- ", "\n  ", "x\n", "{", "}", "$", "#", "é", "\u{a0}", "\u{2028}", "{ %", "\n\n"];
    const SIGNS: [&str; 6] = ["", "", "", "", "-", "+"];
    fn pick<'a>(choices: &mut std::slice::Iter<'_, u8>, from: &[&'a str]) -> &'a str {
        from[usize::from(choices.next().copied().unwrap_or_default()) % from.len()]
    }
    let tag = |choices: &mut std::slice::Iter<'_, u8>, open: &str, inside: &str, close: &str| {
        format!("{open}{} {inside} {}{close}", pick(choices, &SIGNS), pick(choices, &SIGNS))
    };
    while let Some(choice) = choices.next() {
        let of_kind = |kind: char, at: u8| {
            let all: Vec<&String> = names.iter().filter(|name| name.1 == kind).map(|name| &name.0).collect();
            all[usize::from(at) % all.len()].clone()
        };
        let at = choices.next().copied().unwrap_or_default();
        match choice % 9 {
            0..=2 => out.push_str(pick(choices, &TEXTS)),
            3 | 4 => out.push_str(&tag(choices, "{{", &of_kind('s', at), "}}")),
            5 => out.push_str(&tag(choices, "{#", "c", "#}")),
            6 | 7 if depth < 4 => {
                let known = names.len();
                let name = |part: &str| format!("{part}{depth}");
                let head = match at % 3 {
                    0 => {
                        let head = format!("for {} in {}", name("x"), of_kind('l', at / 3));
                        names.push((name("x"), 's'));
                        head
                    }
                    1 => {
                        names.extend([(name("k"), 's'), (name("v"), 's')]);
                        format!("for {}, {} in pairs", name("k"), name("v"))
                    }
                    _ => {
                        let o = name("o");
                        names.extend([
                            (format!("{o}.s"), 's'),
                            (format!("{o}.strings"), 'l'),
                            (format!("{o}.port"), 'c'),
                        ]);
                        format!("for {o} in objects")
                    }
                };
                names.extend([("loop.first".to_owned(), 's'), ("loop.last".to_owned(), 'c')]);
                out.push_str(&tag(choices, "{%", &head, "%}"));
                made(choices, names, depth + 1, out);
                names.truncate(known);
                out.push_str(&tag(choices, "{%", "endfor", "%}"));
            }
            8 if depth < 4 => {
                let not = if at % 2 == 0 { "not " } else { "" };
                let condition = |word: &str, choices: &mut std::slice::Iter<'_, u8>| {
                    let kind = if at % 3 == 0 { 's' } else { 'c' };
                    let all: Vec<&str> = names.iter().filter(|name| name.1 == kind).map(|name| &*name.0).collect();
                    format!("{word} {not}{}", pick(choices, &all))
                };
                let head = condition("if", choices);
                out.push_str(&tag(choices, "{%", &head, "%}"));
                if at % 5 == 0 {
                    let head = condition("elif", choices);
                    out.push_str(&tag(choices, "{%", &head, "%}"));
                }
                made(choices, names, depth + 1, out);
                if at % 4 == 0 {
                    out.push_str(&tag(choices, "{%", "else", "%}"));
                    made(choices, names, depth + 1, out);
                }
                out.push_str(&tag(choices, "{%", "endif", "%}"));
            }
            _ => return,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Where the engine renders a plain template, the program does, and where it does not, neither.
    #[test]
    fn plain_templates_are_rendered_alike(
        choices in proptest::collection::vec(any::<u8>(), 0..60),
        texts in proptest::collection::vec("[-a-z0-9 :#{}$.'\"\\\\\n\u{e9}]{0,6}", 1..4),
    ) {
        let kinds = [
            ("s", 's'), ("n", 's'), ("yes", 's'), ("object.s", 's'), ("some", 's'), ("strings", 'l'), ("nothing", 'l'),
            ("object.strings", 'l'), ("no", 'c'), ("nil", 'c'), ("zero", 'c'), ("objects", 'c'), ("object", 'c'), ("empty", 'c'),
        ];
        let mut names: Vec<_> = kinds.map(|(name, kind)| (name.to_owned(), kind)).into();
        let mut template = String::new();
        made(&mut choices.iter(), &mut names, 0, &mut template);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let Some((fast, slow)) = both(&template, given(&texts)) else { return Ok(()) };
        prop_assert_eq!(fast, slow.ok(), "{:?}", template);
    }

    /// Whatever a template is made of, the program says nothing else than the engine.
    #[test]
    fn any_template_is_rendered_alike_or_left(template in "(\\{\\{|\\}\\}|\\{%|%\\}|\\{#|#\\}|-| |\n|for|in|if|else|endif|endfor|elif|not|s|strings|object|\\.|x|loop|first|,|a|\\{){0,25}") {
        equal(&template, given(&["web", "no"]));
    }

    /// Any text as a value.
    #[test]
    fn any_value_is_written_alike(text in any::<String>()) {
        equal("k: {{ s }}\n{{ s }}: k", given(&[&text]));
    }
}

#[test]
fn hazardous_values_are_written_alike() {
    for text in HAZARDS {
        assert_eq!(equal("k: {{ s }}\n", given(&[text])), !text.contains("${"), "{text:?}");
    }
}
