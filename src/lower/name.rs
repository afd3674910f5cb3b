//! Names of objects: stable, unique, within limits.

/// The longest name that every target accepts.
pub const MAX_NAME: usize = 253;

/// A name of at most `max` characters: a longer one keeps its beginning and ends in a hash of the whole.
pub fn shorten(name: &str, max: usize) -> String {
    if name.len() <= max {
        return name.to_owned();
    }
    let hash = blake3::hash(name.as_bytes()).to_hex();
    let head = name.get(..max.saturating_sub(13)).unwrap_or_default().trim_end_matches(['-', '.']);
    format!("{head}-{}", hash.get(..12).unwrap_or_default())
}
