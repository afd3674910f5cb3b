//! Names of endpoints as intents write them, to what they stand for.

use super::build::{Builder, Declared, Names};
use super::limits::MAX_PROPOSALS;
use super::{AppId, Builtin, Endpoint, Sym};
use crate::diag::{Diagnostic, codes, nearest, quote};
use crate::source::Spanned;

/// Tiers of another app that a message lists.
const MAX_SHOWN: usize = 20;

impl Builder<'_, '_> {
    /// The endpoint of a name as `app` (or the project file) writes it. Reports unknown names; `None` for broken ones too.
    pub(super) fn resolve(&mut self, app: Option<AppId>, written: &Spanned<String>) -> Option<Endpoint> {
        let text = written.value.as_str();
        if let Some(builtin) = Builtin::parse(text) {
            return Some(Endpoint::Builtin(builtin));
        }
        // Own names come first: a declared name with a slash is wrong where it is declared, and nowhere else.
        let own = app.and_then(|app| self.names.get(app.index())).and_then(|names| names.get(text));
        if own.is_none() && text.split('/').next().is_some_and(|part| part.parse::<std::net::IpAddr>().is_ok()) {
            let error = Diagnostic::error(
                codes::UNKNOWN_NAME,
                written.span,
                format!("{} is an address range, no name", quote(text)),
            );
            self.error(error.help(format!("declare it: `[external]` and `name = {{ cidrs = [\"{text}\"], ports = […] }}`; then write its name here")));
            return None;
        }
        if let (None, Some((other, tier))) = (own, text.split_once('/')) {
            return self.resolve_foreign(app, written, other, tier);
        }
        match own.or_else(|| self.project_names.get(text)) {
            Some((Declared::Whole(endpoint), _)) => Some(*endpoint),
            Some((Declared::Broken, _)) => None,
            None => {
                self.unknown_name(app, written);
                None
            }
        }
    }

    fn unknown_name(&mut self, app: Option<AppId>, written: &Spanned<String>) {
        let text = written.value.as_str();
        let own = app.and_then(|app| self.names.get(app.index()));
        let mut error =
            Diagnostic::error(codes::UNKNOWN_NAME, written.span, format!("{} is not declared", quote(text)));
        if self.proposals > MAX_PROPOSALS {
            self.error(error.help("declare it, or write `app/tier`"));
            return;
        }
        let known: Vec<&str> = own
            .into_iter()
            .flat_map(|names| names.keys())
            .chain(self.project_names.keys())
            .map(String::as_str)
            .chain(Builtin::ALL.map(Builtin::name))
            .collect();
        self.proposals += known.len() + self.names.len();
        let elsewhere = self
            .names
            .iter()
            .zip(&self.model.apps)
            .find(|(names, _)| matches!(names.get(text), Some((Declared::Whole(Endpoint::Tier(_)), _))))
            .map(|(_, other)| other.name.clone());
        error = match (nearest(text, known.iter().copied()), elsewhere) {
            (Some(name), _) => error.help(format!("did you mean {}?", quote(name))),
            (None, Some(other)) => error.help(format!("app `{other}` has such a tier: write \"{other}/{text}\"")),
            (None, None) if app.is_none() => error.help("the project file names tiers as `app/tier`"),
            (None, None) => error
                .help("declare it under `[tiers]`, `[peers]` or `[external]`, or write `app/tier`")
                .note(format!("built in: {}; DNS needs no edge", Builtin::ALL.map(Builtin::name).join(", "))),
        };
        self.error(error);
    }

    /// The endpoint of a name `app/tier`.
    pub(super) fn resolve_foreign(
        &mut self,
        app: Option<AppId>,
        written: &Spanned<String>,
        other: &str,
        tier: &str,
    ) -> Option<Endpoint> {
        let Some(id) = self.by_name.get(other).copied() else {
            if !self.unreadable.contains(other) {
                let some = if self.proposals > MAX_PROPOSALS { 0 } else { usize::MAX };
                let known: Vec<Sym> = self.model.apps.iter().take(some).map(|app| app.name.clone()).collect();
                self.proposals += known.len();
                let error =
                    Diagnostic::error(codes::UNKNOWN_NAME, written.span, format!("there is no app {}", quote(other)));
                let error = match nearest(other, known.iter().map(|name| &**name)) {
                    Some(name) => error.help(format!("did you mean \"{name}/{tier}\"?")),
                    None => error.help("`app/tier` names a tier of another intent in this project"),
                };
                self.error(error);
            }
            return None;
        };
        let found = self.names.get(id.index()).and_then(|names| names.get(tier)).map(|(declared, _)| *declared);
        match found {
            Some(Declared::Whole(Endpoint::Tier(tier))) => Some(Endpoint::Tier(tier)),
            Some(Declared::Broken) => None,
            Some(Declared::Whole(_)) if app == Some(id) => {
                self.resolve(app, &Spanned::new(tier.to_owned(), written.span))
            }
            other_kind => {
                let some = if self.proposals > MAX_PROPOSALS { MAX_SHOWN } else { usize::MAX };
                self.proposals += self.names.get(id.index()).map_or(0, Names::len);
                let names = self.names.get(id.index());
                let tiers: Vec<&str> = names
                    .into_iter()
                    .flatten()
                    .take(some)
                    .filter(|(_, (declared, _))| matches!(declared, Declared::Whole(Endpoint::Tier(_))))
                    .map(|(name, _)| name.as_str())
                    .collect();
                let message = match other_kind {
                    Some(_) => format!("{} of app `{other}` is no tier", quote(tier)),
                    None => format!("app `{other}` has no tier {}", quote(tier)),
                };
                let error = Diagnostic::error(codes::UNKNOWN_NAME, written.span, message);
                let error = match nearest(tier, tiers.iter().copied()) {
                    Some(name) => error.help(format!("did you mean \"{other}/{name}\"?")),
                    None => {
                        let more = if tiers.len() > MAX_SHOWN { ", …" } else { "" };
                        let shown: Vec<&str> = tiers.iter().take(MAX_SHOWN).copied().collect();
                        error.help(format!("its tiers: {}{more}", shown.join(", ")))
                    }
                };
                self.error(error);
                None
            }
        }
    }
}
