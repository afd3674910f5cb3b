//! What the platform team decided for all clusters: approved destinations, whom to ask for reviews, thresholds of rules.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::Sym;
use super::build::Builder;
use super::names::{check_code_owner, check_host};
use super::parse::check_destination;
use super::profile::{Approved, CodeOwners, Limits};
use crate::diag::{Diagnostic, codes, quote};
use crate::intent::List;
use crate::source::is_inside;

impl Builder<'_, '_> {
    /// What externals of apps may stand for. What is wrong in it is approved all the same: it was reported, and findings that
    /// follow from it help nobody.
    pub(super) fn approved(&mut self) {
        let Some(table) = self.input.project.and_then(|project| project.approved.as_ref()) else { return };
        let cidrs = self.cidrs(table.cidrs.as_ref().map(|list| list.items.as_slice())).0;
        for net in &cidrs {
            self.accept(net.span, check_destination(&net.value));
        }
        let fqdns = table.fqdns.iter().flat_map(|list| &list.items);
        for host in fqdns.clone() {
            self.accept(host.span, check_host(&host.value));
        }
        self.model.profile.approved = Some(Approved {
            cidrs: cidrs.into_iter().map(|net| net.value).collect(),
            fqdns: fqdns.map(|host| Sym::from(host.value.as_str())).collect(),
            span: table.span,
        });
    }

    /// Whom a forge asks. What is wrong with a name was reported, and the name is left out.
    pub(super) fn code_owners(&mut self) {
        let Some(table) = self.input.project.and_then(|project| project.codeowners.as_ref()) else { return };
        let file = table.file.as_ref().filter(|file| {
            let inside = is_inside(&file.value) && !file.value.ends_with('/');
            if !inside {
                let message = format!("{} is no file inside the repository", quote(&file.value));
                let error = Diagnostic::error(codes::PATH, file.span, message);
                self.error(error.help("write its path from the root of the git repository, as \".github/CODEOWNERS\""));
            }
            inside
        });
        let file = file.map(|file| file.clone().map(Utf8PathBuf::from));
        let platform = self.names_of_forge(&table.platform);
        let teams = table.teams.iter().flat_map(|teams| teams.iter());
        let teams = teams.map(|(owner, list)| (Sym::from(owner.value.as_str()), self.names_of_forge(list))).collect();
        self.model.profile.code_owners = Some(CodeOwners { file, platform, teams });
    }

    fn names_of_forge(&mut self, list: &List<String>) -> BTreeSet<Sym> {
        let valid = list.items.iter().filter(|name| self.accept(name.span, check_code_owner(&name.value)));
        valid.map(|name| Sym::from(name.value.as_str())).collect()
    }

    /// Thresholds: what is written, else the defaults. Their bounds are those of their types.
    pub(super) fn limits(&mut self) {
        let Some(table) = self.input.project.and_then(|project| project.limits.as_ref()) else { return };
        let default = Limits::default();
        let mask =
            |written: Option<u32>, default: u8| written.and_then(|mask| u8::try_from(mask).ok()).unwrap_or(default);
        self.model.profile.limits = Limits {
            widest_cidr_v4: mask(table.widest_cidr_v4.map(|limit| limit.0), default.widest_cidr_v4),
            widest_cidr_v6: mask(table.widest_cidr_v6.map(|limit| limit.0), default.widest_cidr_v6),
            widest_port_range: table.widest_port_range.map_or(default.widest_port_range, |limit| limit.0),
            waiver_days: table.waiver_days.map_or(default.waiver_days, |limit| limit.0),
        };
    }
}
