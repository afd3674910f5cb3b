//! Whether a text is a selector of Calico (libcalico-go, lib/selector: tokenizer and parser).

/// Recognises the whole grammar; what it selects is not asked.
pub fn is_selector(text: &str) -> bool {
    let mut rest = text.trim_start();
    either(&mut rest) && rest.is_empty()
}

fn take(rest: &mut &str, token: &str) -> bool {
    match rest.strip_prefix(token) {
        Some(after) => {
            *rest = after.trim_start();
            true
        }
        None => false,
    }
}

fn either(rest: &mut &str) -> bool {
    both(rest) && (!take(rest, "||") || either(rest))
}

fn both(rest: &mut &str) -> bool {
    term(rest) && (!take(rest, "&&") || both(rest))
}

fn term(rest: &mut &str) -> bool {
    if take(rest, "!") {
        return term(rest);
    }
    if take(rest, "(") {
        return either(rest) && take(rest, ")");
    }
    if take(rest, "all()") || take(rest, "global()") {
        return true;
    }
    if take(rest, "has(") {
        return label(rest) && take(rest, ")");
    }
    if !label(rest) {
        return false;
    }
    if ["==", "!=", "contains", "starts with", "ends with"].iter().any(|operator| take(rest, operator)) {
        return literal(rest);
    }
    if !(take(rest, "not in") || take(rest, "in")) || !take(rest, "{") || !literal(rest) {
        return false;
    }
    while take(rest, ",") {
        if !literal(rest) {
            return false;
        }
    }
    take(rest, "}")
}

fn label(rest: &mut &str) -> bool {
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_./-".contains(c))).unwrap_or(rest.len());
    *rest = rest[end..].trim_start();
    end > 0
}

/// No character is escaped in it: the next quote of its kind ends it.
fn literal(rest: &mut &str) -> bool {
    for quote in ["'", "\""] {
        if let Some((_, after)) = rest.strip_prefix(quote).and_then(|inner| inner.split_once(quote)) {
            *rest = after.trim_start();
            return true;
        }
    }
    false
}

#[test]
fn selectors_are_told_from_other_texts() {
    for good in [
        "all()",
        "app == 'web'",
        "has(projectcalico.org/name) && projectcalico.org/name not in {'a', \"b\"}",
        "!has(a) && (b != 'c' || d in {'e'}) && f starts with 'g'",
        "a == 'it\"s'",
    ] {
        assert!(is_selector(good), "{good}");
    }
    for bad in ["", "app = 'web'", "app == web", "has(app", "a == 'b' c", "a in {}", "a == 'b' &&", "a == 'it's'"] {
        assert!(!is_selector(bad), "{bad}");
    }
}
