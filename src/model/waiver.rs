//! Findings that somebody accepted, with a reason, until a day.

use jiff::civil::Date;

use super::build::Builder;
use super::limits::MAX_PROPOSALS;
use super::names::{check_namespace, check_workload};
use super::{AppId, EdgeId, Endpoint, ExternalId, PeerId, Sym, TierId};
use crate::diag::{Code, Diagnostic, codes, quote};
use crate::intent::WaiveTable;
use crate::source::{Span, Spanned};

/// What a waiver's finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WaiveTarget {
    /// One edge.
    Edge(EdgeId),
    /// A tier.
    Tier(TierId),
    /// A peer.
    Peer(PeerId),
    /// An external.
    External(ExternalId),
    /// A workload of the inventory, as `namespace/name`.
    Workload(Sym),
}

/// One `[[waive]]`.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// The app in whose intent it stands.
    pub app: AppId,
    /// The finding's code.
    pub code: Code,
    /// What the finding must be about: an edge name may mean several edges, one for each set of ports.
    pub targets: Vec<WaiveTarget>,
    /// Why it is accepted.
    pub reason: Sym,
    /// The last day on which it holds.
    pub until: Option<Date>,
    /// Where it is written.
    pub span: Span,
    /// Where its date is written.
    pub until_span: Option<Span>,
}

impl Waiver {
    /// Whether its last day is over.
    pub fn expired(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }

    /// What to say when its last day is over.
    pub fn expiry(&self, today: Date) -> Option<Diagnostic> {
        let until = self.until.filter(|until| *until < today)?;
        let span = self.until_span.unwrap_or(self.span);
        Some(
            Diagnostic::error(codes::WAIVER_EXPIRED, span, format!("waiver of {} expired on {until}", self.code))
                .note(format!("its reason was: {}", self.reason))
                .help("mend the finding and remove the waiver, or give it a new date and reason"),
        )
    }
}

impl Builder<'_, '_> {
    pub(super) fn waivers(&mut self) {
        for (app, table) in self.files.clone() {
            for waive in table.into_iter().flat_map(|table| table.waive.iter().flatten()) {
                if let Some(waiver) = self.waiver(app, waive) {
                    self.model.waivers.push(waiver);
                }
            }
        }
    }

    fn waiver(&mut self, app: AppId, table: &WaiveTable) -> Option<Waiver> {
        let reason = self.text("reason", Some(&table.reason));
        let rule = self.input.rules.iter().find(|(code, _)| *code == table.code.value);
        if rule.is_none() {
            self.unknown_rule(&table.code);
        }
        let code = rule.map(|(code, _)| Code(code));
        if let Some((code, _)) = rule.filter(|(_, about)| about.is_empty()) {
            let message = format!("findings of {code} cannot be waived");
            let error = Diagnostic::error(codes::WAIVER, table.code.span, message);
            self.error(error.help(format!(
                "mend them, as `netpolc rule {code}` says; its level for the whole project is set under `[lints]` in netpolc.toml"
            )));
            return None;
        }
        let targets = self.targets(app, table);
        let written = [
            ("edge", &table.edge),
            ("tier", &table.tier),
            ("peer", &table.peer),
            ("external", &table.external),
            ("workload", &table.workload),
        ];
        let wrong = written
            .iter()
            .find_map(|(key, name)| Some((*key, name.as_ref()?)))
            .zip(rule)
            .filter(|((key, _), (_, about))| key != about);
        if let Some((code, _)) = rule.filter(|(_, about)| about.is_empty()) {
            let message = format!("findings of {code} cannot be waived");
            let error = Diagnostic::error(codes::WAIVER, table.code.span, message);
            self.error(
                error
                    .help("mend what it finds, or let the platform team set its level under `[lints]` in netpolc.toml"),
            );
            return None;
        }
        if let Some(((key, name), (code, about))) = wrong.filter(|_| targets.is_some()) {
            let message = format!("findings of {code} are about {}, not {}", plural(about), plural(key));
            let error = Diagnostic::error(codes::WAIVER, name.span, message);
            self.error(error.help(format!("write `{about} = \"…\"`; `netpolc rule {code}` explains the rule")));
            return None;
        }
        Some(Waiver {
            app,
            code: code?,
            targets: targets?,
            reason: reason?,
            until: table.until.as_ref().map(|day| day.value.0),
            span: table.code.span,
            until_span: table.until.as_ref().map(|day| day.span),
        })
    }

    fn unknown_rule(&mut self, code: &Spanned<String>) {
        let fixed = codes::ALL.iter().any(|doc| doc.code.0 == code.value);
        let message = match fixed {
            true => format!("{} cannot be waived", quote(&code.value)),
            false => format!("there is no rule {}", quote(&code.value)),
        };
        let error = Diagnostic::error(codes::WAIVER, code.span, message);
        self.error(match crate::diag::nearest(&code.value, self.input.rules.iter().map(|(code, _)| *code)) {
            Some(near) if !fixed => error.help(format!("did you mean {}?", quote(near))),
            _ => error.help("only findings of rules can be waived: `netpolc rule --all` lists them"),
        });
    }

    /// What the waiver is about: exactly one of edge, tier, peer, external and workload. All but the last must exist, and be
    /// the app's own: nobody accepts what others have to answer for.
    fn targets(&mut self, app: AppId, table: &WaiveTable) -> Option<Vec<WaiveTarget>> {
        let named = [
            ("tier", &table.tier),
            ("peer", &table.peer),
            ("external", &table.external),
            ("workload", &table.workload),
        ];
        let written: Vec<_> = named.iter().filter_map(|(what, name)| Some((*what, name.as_ref()?))).collect();
        match (&table.edge, written.as_slice()) {
            (Some(edge), []) => self.waived_edges(app, edge),
            (None, [("workload", name)]) => self.waived_workload(name),
            (None, [(what, name)]) => {
                let target = match (*what, self.resolve(Some(app), name)?) {
                    ("tier", Endpoint::Tier(id)) => WaiveTarget::Tier(id),
                    ("peer", Endpoint::Peer(id)) => WaiveTarget::Peer(id),
                    ("external", Endpoint::External(id)) => WaiveTarget::External(id),
                    (_, other) => {
                        let message = format!("{} is no {what}", quote(&name.value));
                        let help = match other {
                            Endpoint::Tier(_) => format!("it is a tier: write `tier = \"{}\"`", name.value),
                            Endpoint::Peer(_) => format!("it is a peer: write `peer = \"{}\"`", name.value),
                            Endpoint::External(_) => {
                                format!("it is an external: write `external = \"{}\"`", name.value)
                            }
                            Endpoint::Builtin(_) => "name the edge, as `edge = \"anywhere -> web\"`".to_owned(),
                        };
                        self.error(Diagnostic::error(codes::WAIVER, name.span, message).help(help));
                        return None;
                    }
                };
                self.is_own(app, name, &target).then(|| vec![target])
            }
            (edge, named) if edge.is_some() || !named.is_empty() => {
                let spans = edge.iter().map(|edge| edge.span).chain(named.iter().map(|(_, name)| name.span));
                let (first, second) = (spans.clone().min(), spans.max());
                let mut error = Diagnostic::error(
                    codes::WAIVER,
                    second.unwrap_or(table.code.span),
                    "a waiver is about one thing, and this one names more",
                );
                if let Some(first) = first {
                    error = error.related(first, "named first");
                }
                self.error(error.help("write a `[[waive]]` for each, with its own reason"));
                None
            }
            _ => {
                let error = Diagnostic::error(
                    codes::WAIVER,
                    table.code.span,
                    "a waiver names one edge, tier, peer, external or workload",
                );
                self.error(error.help(
                    "add one of `edge = \"web -> api\"`, `tier = …`, `peer = …`, `external = …`, `workload = …`",
                ));
                None
            }
        }
    }

    fn is_own(&mut self, app: AppId, name: &Spanned<String>, target: &WaiveTarget) -> bool {
        let (what, owner) = match target {
            WaiveTarget::Tier(id) => ("tier", Some(self.model[*id].app)),
            WaiveTarget::External(id) => ("external", self.model[*id].app),
            // Edges are looked for among the app's own, peers of others have no name, and workloads no owner.
            WaiveTarget::Edge(_) | WaiveTarget::Peer(_) | WaiveTarget::Workload(_) => return true,
        };
        if owner == Some(app) {
            return true;
        }
        let (message, help) = match owner {
            Some(other) => {
                let other = self.model[other].name.clone();
                (format!("{} is a {what} of app `{other}`", quote(&name.value)), format!("only `{other}` can waive it"))
            }
            None => (
                format!("{} is an {what} of the project file", quote(&name.value)),
                "let the platform team mend it there, or set the rule's level under `[lints]`".to_owned(),
            ),
        };
        self.error(Diagnostic::error(codes::WAIVER, name.span, message).help(help));
        false
    }

    /// A workload's form alone is checked: what runs is not known to every run.
    fn waived_workload(&mut self, written: &Spanned<String>) -> Option<Vec<WaiveTarget>> {
        let Some((namespace, name)) = written.value.split_once('/') else {
            let message = format!("{} is no workload", quote(&written.value));
            let error = Diagnostic::error(codes::WAIVER, written.span, message);
            self.error(error.help("write namespace and name, as \"shop/web\""));
            return None;
        };
        let valid =
            self.accept(written.span, check_namespace(namespace)) && self.accept(written.span, check_workload(name));
        valid.then(|| vec![WaiveTarget::Workload(Sym::from(written.value.as_str()))])
    }

    fn waived_edges(&mut self, app: AppId, written: &Spanned<String>) -> Option<Vec<WaiveTarget>> {
        let Some((from, to)) = written.value.split_once(" -> ") else {
            let error =
                Diagnostic::error(codes::WAIVER, written.span, format!("{} names no edge", quote(&written.value)));
            let ends = written.value.split_once("->").map(|(from, to)| (from.trim(), to.trim()));
            self.error(match ends.filter(|(from, to)| !from.is_empty() && !to.is_empty()) {
                Some((from, to)) => error.help(format!("did you mean \"{from} -> {to}\"?")),
                None => error.help("write it as \"web -> api\""),
            });
            return None;
        };
        let mut end = |name: &str| self.resolve(Some(app), &Spanned::new(name.trim().to_owned(), written.span));
        let (from, to) = (end(from), end(to));
        let (from, to) = (from?, to?);
        // Edges stand in the order of their app and ends.
        let edges = &self.model.edges;
        let first = edges.partition_point(|edge| (edge.app, edge.from, edge.to) < (app, from, to));
        let those = edges.iter().zip(0..).skip(first);
        let edges: Vec<WaiveTarget> = those
            .take_while(|(edge, _)| (edge.app, edge.from, edge.to) == (app, from, to))
            .map(|(_, position)| WaiveTarget::Edge(EdgeId(position)))
            .collect();
        if edges.is_empty() {
            let some = if self.proposals > MAX_PROPOSALS { 0 } else { usize::MAX };
            let own = self.model.edges.iter().filter(|edge| edge.app == app).take(some);
            let known: Vec<String> = own.map(|edge| self.model.edge_name(edge)).collect();
            self.proposals += known.len();
            let error =
                Diagnostic::error(codes::WAIVER, written.span, format!("there is no edge {}", quote(&written.value)));
            self.error(match crate::diag::nearest(&written.value, known.iter().map(String::as_str)) {
                Some(near) => error.help(format!("did you mean \"{near}\"?")),
                None => error.help("a waiver covers one edge of its own intent, named as `from -> to`"),
            });
            return None;
        }
        Some(edges)
    }
}

fn plural(key: &str) -> String {
    format!("{key}s")
}
