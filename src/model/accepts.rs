//! Who of other apps may connect to a tier: its owner's word, and nobody else's.

use std::collections::BTreeSet;

use super::build::{Builder, Declared};
use super::limits::MAX_PROPOSALS;
use super::{AppId, Builtin, Edge, Endpoint, Sym, TierId};
use crate::diag::{Diagnostic, codes, nearest, quote};
use crate::source::{Span, Spanned};

/// The callers of other apps that a tier accepts.
#[derive(Debug, Clone)]
pub struct Accepts {
    /// Whole apps, and tiers of apps; none: nobody.
    pub callers: BTreeSet<Caller>,
    /// Where the list is written.
    pub span: Span,
}

/// A caller of another app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// Every tier of an app.
    App(AppId),
    /// One tier.
    Tier(TierId),
}

impl Accepts {
    /// Whether the source of an edge is among the callers. An edge of another app to our tier always starts at a tier of
    /// that app.
    pub fn holds(&self, edge: &Edge) -> bool {
        let tier = match edge.from {
            Endpoint::Tier(tier) => self.callers.contains(&Caller::Tier(tier)),
            Endpoint::Peer(_) | Endpoint::External(_) | Endpoint::Builtin(_) => false,
        };
        tier || self.callers.contains(&Caller::App(edge.app))
    }
}

impl Builder<'_, '_> {
    /// Resolves the lists of all tiers, once all names are known.
    pub(super) fn accepts(&mut self) {
        for (app, table) in self.files.clone() {
            for (name, tier) in table.into_iter().flat_map(|table| &table.tiers).flat_map(|tiers| tiers.iter()) {
                let Some(list) = &tier.accepts else { continue };
                let callers = list.items.iter().filter_map(|written| self.caller(app, written)).collect();
                let declared = self.names.get(app.index()).and_then(|names| names.get(&name.value));
                if let Some((Declared::Whole(Endpoint::Tier(id)), _)) = declared
                    && let Some(tier) = self.model.tiers.get_mut(id.index())
                {
                    tier.accepts = Some(Accepts { callers, span: list.span });
                }
            }
        }
    }

    fn caller(&mut self, app: AppId, written: &Spanned<String>) -> Option<Caller> {
        let text = written.value.as_str();
        let own = self.model.apps.get(app.index()).map(|own| own.name.clone())?;
        let refuse = |this: &mut Self, message: String, help: String| {
            this.error(Diagnostic::error(codes::UNKNOWN_NAME, written.span, message).help(help));
            None
        };
        let named = text.split_once('/').map_or(text, |(app, _)| app);
        if *named == *own {
            let word = if text == named { "is" } else { "belongs to" };
            let message = format!("{} {word} this app itself", quote(text));
            return refuse(self, message, "leave it out: edges of the own app need no acceptance".to_owned());
        }
        if let Some((other, tier)) = text.split_once('/') {
            return match self.resolve_foreign(Some(app), written, other, tier)? {
                Endpoint::Tier(tier) => Some(Caller::Tier(tier)),
                Endpoint::Peer(_) | Endpoint::External(_) | Endpoint::Builtin(_) => None,
            };
        }
        if let Some(id) = self.by_name.get(text) {
            return Some(Caller::App(*id));
        }
        if self.unreadable.contains(text) {
            return None;
        }
        if Builtin::parse(text).is_some() || text == "all" {
            let message = format!("{} is no app", quote(text));
            return refuse(
                self,
                message,
                "name apps and their tiers; without `accepts` every app may connect".to_owned(),
            );
        }
        if self.names.get(app.index()).is_some_and(|names| names.contains_key(text)) {
            let message = format!("{} is a name of this app itself", quote(text));
            return refuse(self, message, "leave it out: edges of the own app need no acceptance".to_owned());
        }
        let some = if self.proposals > MAX_PROPOSALS { 0 } else { usize::MAX };
        let known = self.model.apps.iter().take(some);
        let known: Vec<Sym> = known.map(|app| app.name.clone()).filter(|name| *name != own).collect();
        self.proposals += known.len();
        let help = match nearest(text, known.iter().map(|name| &**name)) {
            Some(near) => format!("did you mean {}?", quote(near)),
            None => "name an app of this project, or a tier of one as `app/tier`".to_owned(),
        };
        refuse(self, format!("there is no app {}", quote(text)), help)
    }
}
