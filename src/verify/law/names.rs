//! Host names and the patterns of rules (7 of the [law](super)).

/// Whether a name fits a pattern (7): `*` stands for any part of one label; `**.` at the beginning for one label or more;
/// alone, `*` stands for every name.
pub fn is_name(pattern: &str, name: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (pattern, name) = match pattern.strip_prefix("**.") {
        None => (pattern, name),
        Some(rest) => {
            let labels = rest.split('.').count();
            let start = name.rmatch_indices('.').nth(labels.saturating_sub(1)).map(|(at, _)| at + 1);
            match start.and_then(|start| name.get(start..)) {
                Some(end) => (rest, end),
                None => return false,
            }
        }
    };
    pattern.split('.').count() == name.split('.').count()
        && pattern.split('.').zip(name.split('.')).all(|(pattern, label)| is_label(pattern, label))
}

/// Whether one label of a name fits: the parts between asterisks stand in it in their order.
fn is_label(pattern: &str, label: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == label };
    let Some(mut label) = label.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let Some(last) = parts.pop() else { return false };
    for part in parts {
        match label.find(part).and_then(|at| label.get(at + part.len()..)) {
            Some(after) => label = after,
            None => return false,
        }
    }
    label.ends_with(last)
}
