//! What the platform team decided of rules: approved destinations and thresholds.

use super::Sym;
use super::build::Builder;
use super::names::check_host;
use super::parse::check_destination;
use super::profile::{Approved, Limits};

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
