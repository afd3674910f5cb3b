//! HTTP requests, as people read them.

use std::fmt;

use super::HttpRule;

/// `GET /api/v1/products`, with `(x-tenant: blue)` behind it where headers are asked for.
impl fmt::Display for HttpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = [&self.method, &self.path].into_iter().flatten().map(|word| &**word).collect();
        f.write_str(&words.join(" "))?;
        if words.is_empty() {
            f.write_str("any request")?;
        }
        if !self.headers.is_empty() {
            let headers: Vec<String> = self.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            write!(f, " ({})", headers.join(", "))?;
        }
        Ok(())
    }
}
