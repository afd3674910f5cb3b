//! Intents as any bytes: read, resolved, checked and told, without a panic.

use super::project::{check, files};

/// `data` is an intent; below a line `# netpolc.toml` stands the project file, below `# intents/….toml` another intent.
pub fn run(data: &[u8]) {
    check(files(data, "intents/app.toml")).tell();
}
