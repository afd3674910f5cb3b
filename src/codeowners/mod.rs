//! Whom a forge asks for a review: a section of CODEOWNERS.
//!
//! In: a model, where the project's files are, and the file CODEOWNERS as it is. Out: the file with its section, and what
//! would keep the section from counting. An edge towards a tier of another app changes the file of that tier's namespace, so
//! the owner of this file is asked. What may never happen: an app without anybody who is asked, a pattern that the two
//! forges understand differently, a byte changed outside of the section.
//!
//! What is relied on, and where it is said:
//!
//! 1. GitHub reads the first of `.github/CODEOWNERS`, `CODEOWNERS` and `docs/CODEOWNERS`, and none above 3 MB; the last
//!    pattern that matches a file counts; patterns are those of gitignore without `[ ]`, `!` and an escaped `#`; several owners
//!    of one line may each approve (github/docs, about-code-owners.md).
//! 2. GitLab reads the first of `CODEOWNERS`, `docs/CODEOWNERS` and `.gitlab/CODEOWNERS` (ee/lib/gitlab/code_owners.rb). In each
//!    section the last pattern that matches counts, unless any `!pattern` of it does; a pattern that is written twice keeps
//!    its first place. Patterns are those of Ruby's `File.fnmatch` with FNM_PATHNAME and FNM_DOTMATCH; one that ends in `/`
//!    stands for everything below, one that does not begin with `/` for files at any depth (ee/lib/gitlab/code_owners/file.rb).
//!    What begins as `[name]` or `^[name]` opens a section (ee/lib/gitlab/code_owners/section_parser.rb).
//! 3. Both read the file of the branch that a change is to be merged into. What is removed is changed: GitLab asks for old and
//!    new paths alike (`modified_paths` in ee/lib/gitlab/code_owners.rb).
//!
//! Hence the patterns written here: each begins with `/`, knows no wildcard but `*` within one name, and ends in a name or, for
//! a whole folder, in `/`.

mod effect;
mod pattern;
mod place;
mod rules;
mod text;

pub use effect::{outdone, too_large};
pub use place::{LOCATIONS, choose};
pub use rules::{Place, Rules, rules};
pub use text::Text;
