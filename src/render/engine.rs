//! The template engine, cut down to what is safe: nothing outside the template's input can be reached, and nothing
//! grows without bound.
//!
//! In: templates. Out: an environment in which an undefined name is an error, every value is written by
//! [`super::yaml_scalar`], and files, time, randomness and the process environment do not exist.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, filters, functions, tests};

use super::yaml_scalar;

/// Nesting of loops, conditions and includes (ten for one include).
const MAX_NESTING: usize = 100;
/// The longest text that a filter makes.
const MAX_TEXT: usize = 16 << 10;
/// The longest `range`.
const MAX_RANGE: usize = 1_000;

/// The filters that a template may use.
pub const FILTERS: [&str; 15] = [
    "default",
    "first",
    "items",
    "join",
    "last",
    "length",
    "lower",
    "rejectattr",
    "replace",
    "reverse",
    "selectattr",
    "sort",
    "trim",
    "unique",
    "upper",
];

/// An environment without templates.
pub fn environment() -> Environment<'static> {
    let mut env = Environment::empty();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_recursion_limit(MAX_NESTING);
    env.set_formatter(write_value);
    // Defaults when the builder fails, which it does only for delimiters that collide; none are set here.
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        env.set_syntax(syntax);
    }
    add_filters(&mut env);
    add_tests(&mut env);
    env.add_function("range", range);
    env
}

fn add_filters(env: &mut Environment<'static>) {
    env.add_filter("default", filters::default);
    env.add_filter("first", filters::first);
    env.add_filter("items", filters::items);
    env.add_filter("join", join);
    env.add_filter("last", filters::last);
    env.add_filter("length", filters::length);
    env.add_filter("lower", filters::lower);
    env.add_filter("rejectattr", filters::rejectattr);
    env.add_filter("replace", replace);
    env.add_filter("reverse", filters::reverse);
    env.add_filter("selectattr", filters::selectattr);
    env.add_filter("sort", filters::sort);
    env.add_filter("trim", filters::trim);
    env.add_filter("unique", filters::unique);
    env.add_filter("upper", filters::upper);
}

fn add_tests(env: &mut Environment<'static>) {
    env.add_test("defined", tests::is_defined);
    env.add_test("undefined", tests::is_undefined);
    env.add_test("none", tests::is_none);
    env.add_test("string", tests::is_string);
    env.add_test("number", tests::is_number);
    env.add_test("true", tests::is_true);
    env.add_test("false", tests::is_false);
    env.add_test("in", tests::is_in);
    env.add_test("eq", tests::is_eq);
    env.add_test("equalto", tests::is_eq);
    env.add_test("ne", tests::is_ne);
    env.add_test("startingwith", tests::is_startingwith);
    env.add_test("endingwith", tests::is_endingwith);
}

/// Writes one `{{ … }}`.
fn write_value(out: &mut Output<'_>, _state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let written = if let Some(text) = value.as_str() {
        out.write_str(&yaml_scalar(text))
    } else if value.kind() == ValueKind::Bool {
        out.write_str(if value.is_true() { "true" } else { "false" })
    } else if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    } else if let (true, Ok(number)) = (value.is_integer(), i128::try_from(value.clone())) {
        out.write_fmt(format_args!("{number}"))
    } else {
        let kind = if value.is_number() { "float".to_owned() } else { value.kind().to_string() };
        return Err(refused(format!("cannot write a {kind} into YAML")));
    };
    written.map_err(|_| Error::from(ErrorKind::WriteFailure))
}

fn refused(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

fn join(values: &Value, separator: Option<&str>) -> Result<String, Error> {
    let mut out = String::new();
    for (index, item) in values.try_iter()?.enumerate() {
        if index > 0 {
            out.push_str(separator.unwrap_or_default());
        }
        match item.as_str() {
            Some(text) => out.push_str(text),
            None if item.is_integer() => out.push_str(&item.to_string()),
            None => return Err(refused(format!("cannot join a {}", item.kind()))),
        }
        if out.len() > MAX_TEXT {
            return Err(refused("the joined text is too long"));
        }
    }
    Ok(out)
}

fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = (!from.is_empty()).then(|| rest.split_once(from)).flatten() {
        out.push_str(before);
        out.push_str(to);
        rest = after;
        if out.len() > MAX_TEXT {
            return Err(refused("the replaced text is too long"));
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn range(lower: isize, upper: Option<isize>, step: Option<isize>) -> Result<Value, Error> {
    let (first, last) = upper.map_or((0, lower), |upper| (lower, upper));
    let step = step.unwrap_or(1);
    let length = (last.abs_diff(first)).checked_div(step.unsigned_abs()).unwrap_or(usize::MAX);
    if length > MAX_RANGE {
        return Err(refused(format!("`range` takes at most {MAX_RANGE} steps")));
    }
    functions::range(lower, upper, Some(step))
}
