//! What dialects cannot say of a model, told once for all that share it.
//!
//! In: the model, the dialects of a build and what each can say. Out: an error at the intent's line for each thing that
//! some of them cannot say, the approximations that the project file permits instead, and notes for people. Nothing that
//! was meant is ever left out without one of these.

use std::collections::BTreeMap;

use super::{About, Approximated, Dialect};
use crate::diag::{Diagnostic, codes, quote};
use crate::model::{Approximation, Builtin, Edge, EdgeId, Endpoint, External, Guard, Model};
use crate::verify::normal::{Capabilities, Staging};

/// The most things that one message lists.
const LISTED: usize = 5;

/// What was found for all dialects of a build.
#[derive(Debug, Clone, Default)]
pub struct Reviewed {
    /// What stops the build.
    pub errors: Vec<Diagnostic>,
    /// What is said otherwise, as permitted: by dialect.
    pub approximations: BTreeMap<&'static str, Vec<Approximated>>,
    /// What people should know beside the proof.
    pub notes: Vec<String>,
}

/// Reviews every edge and guard once, whatever the number of dialects and namespaces.
pub fn review(model: &Model, dialects: &[&'static dyn Dialect]) -> Reviewed {
    let can = dialects.iter().map(|dialect| (dialect.name(), dialect.capabilities())).collect();
    let mut reviewer = Reviewer { model, can, out: Reviewed::default() };
    for (id, edge) in model.edges() {
        if !edge.http.is_empty() {
            reviewer.http(id, edge);
        }
        if let Endpoint::External(external) = edge.to {
            reviewer.fqdns(id, edge, &model[external]);
        }
        reviewer.unknown_addresses(edge);
    }
    for guard in model.guards() {
        reviewer.guard(&guard);
    }
    reviewer.rollout();
    if !model.profile.enforces_egress {
        reviewer.out.errors.extend(egress(model));
    }
    let mut out = reviewer.out;
    for dialect in dialects {
        let own = dialect.review(model);
        out.errors.extend(own.errors);
        out.notes.extend(own.notes.into_iter().map(|note| format!("{}: {note}", dialect.name())));
    }
    out
}

struct Reviewer<'m> {
    model: &'m Model,
    can: Vec<(&'static str, Capabilities)>,
    out: Reviewed,
}

/// Dialects that lack something, and whether the project file lets them say something else instead.
struct Lacking {
    refused: Vec<&'static str>,
    permitted: Vec<&'static str>,
}

impl Reviewer<'_> {
    fn lacking(&self, approximation: Approximation, lacks: impl Fn(Capabilities) -> bool) -> Lacking {
        let lacking = self.can.iter().filter(|(_, can)| lacks(*can)).map(|(name, _)| *name);
        // A set of pairs can only be asked for a pair: compare by value instead of building a shared text.
        let permits = |name: &&'static str| {
            let mut permitted = self.model.profile.approximate.iter();
            permitted.any(|(dialect, permitted)| **dialect == **name && *permitted == approximation)
        };
        let (permitted, refused) = lacking.partition(permits);
        Lacking { refused, permitted }
    }

    fn approximate(&mut self, dialects: &[&'static str], approximation: Approximation, about: &About, detail: &str) {
        for dialect in dialects {
            let approximated = Approximated { approximation, about: about.clone(), detail: detail.to_owned() };
            self.out.approximations.entry(dialect).or_default().push(approximated);
        }
    }

    /// Dialects that enforce a thing at once even while everything else only reports: it is left out until then.
    fn held_back(&self) -> Vec<&'static str> {
        let staged = self.model.profile.staged;
        let held = self.can.iter().filter(|(_, can)| staged && can.staged == Staging::AllowsOnly);
        held.map(|(name, _)| *name).collect()
    }

    fn http(&mut self, id: EdgeId, edge: &Edge) {
        let approximation = Approximation::HttpAsL4;
        let detail = listed(edge.http.iter().map(ToString::to_string));
        let mut lacking = self.lacking(approximation, |can| !can.http);
        lacking.permitted.extend(self.held_back());
        self.approximate(&lacking.permitted, approximation, &About::Edge(id), &detail);
        if lacking.refused.is_empty() {
            return;
        }
        let name = quote(&self.model.edge_name(edge));
        let message = format!("{} cannot limit {name} to some HTTP requests", and(&lacking.refused));
        self.out.errors.push(
            Diagnostic::error(codes::INEXPRESSIBLE, edge.http_span.unwrap_or(edge.to_span), message)
                .label("every request on these ports would be allowed")
                .help("remove `http`, if access to the ports is what is meant")
                .help(permit_help(&lacking.refused, approximation)),
        );
    }

    fn fqdns(&mut self, id: EdgeId, edge: &Edge, external: &External) {
        let approximation = Approximation::FqdnsOmitted;
        let Some(first) = external.fqdns.first() else { return };
        let detail = listed(external.fqdns.iter().map(|host| host.value.to_string()));
        let mut lacking = self.lacking(approximation, |can| !can.host_names);
        // Where the author gave addresses too, they are rendered: no permission is needed, but it is said.
        if !external.cidrs.is_empty() {
            lacking.permitted.append(&mut lacking.refused);
        }
        self.approximate(&lacking.permitted, approximation, &About::Edge(id), &detail);
        if lacking.refused.is_empty() {
            return;
        }
        let message = format!(
            "{} cannot allow host names, and {} has nothing else",
            and(&lacking.refused),
            quote(&external.name)
        );
        self.out.errors.push(
            Diagnostic::error(codes::INEXPRESSIBLE, edge.to_span, message)
                .label(format!("{} would be left out", quote(&self.model.edge_name(edge))))
                .related(first.span, "only host names are given")
                .help("give the external its addresses too: `cidrs = [\"…\"]`")
                .help(permit_help(&lacking.refused, approximation)),
        );
    }

    /// Built-ins that are addresses here, and only the platform team knows which.
    fn unknown_addresses(&mut self, edge: &Edge) {
        let by_address: Vec<&str> = self.can.iter().filter(|(_, can)| !can.entities).map(|(name, _)| *name).collect();
        if by_address.is_empty() {
            return;
        }
        let profile = &self.model.profile;
        let ends = [(edge.from, edge.from_span), (edge.to, edge.to_span)];
        let unknown = ends.into_iter().find_map(|(end, span)| match end {
            Endpoint::Builtin(Builtin::Nodes) if profile.node_cidrs.is_empty() => Some(("nodes", "node-cidrs", span)),
            Endpoint::Builtin(Builtin::ApiServer) if profile.api_server_cidrs.is_empty() => {
                Some(("kube-apiserver", "api-server-cidrs", span))
            }
            _ => None,
        });
        let Some((word, key, span)) = unknown else { return };
        let message = format!(
            "{} {} {} by address, and its addresses are not known",
            and(&by_address),
            if by_address.len() == 1 { "reaches" } else { "reach" },
            quote(word)
        );
        let help = format!("let the platform team write `{key} = [\"…\"]` under `[cluster]` in netpolc.toml");
        self.out.errors.push(Diagnostic::error(codes::PROFILE, span, message).help(help));
    }

    fn guard(&mut self, guard: &Guard) {
        let approximation = Approximation::GuardsOmitted;
        let mut lacking = self.lacking(approximation, |can| !can.guards);
        lacking.permitted.extend(self.held_back());
        let about = About::Guard(guard.name());
        self.approximate(&lacking.permitted, approximation, &about, "no policy for all namespaces");
        if lacking.refused.is_empty() {
            return;
        }
        let message = format!("{} cannot guard all namespaces, as {} asks", and(&lacking.refused), quote(guard.name()));
        self.out.errors.push(
            self.asked(guard.name(), message)
                .note("managed namespaces are not affected: nothing in them may do what a guard denies")
                .help("remove the guard from `[cluster.guards]` in netpolc.toml")
                .help(permit_help(&lacking.refused, approximation)),
        );
    }

    /// An error where the project file asks for something.
    fn asked(&self, key: &str, message: String) -> Diagnostic {
        match self.model.profile.asked.get(key) {
            Some(span) => Diagnostic::error(codes::INEXPRESSIBLE, *span, message),
            None => Diagnostic::placeless(codes::INEXPRESSIBLE, message),
        }
    }

    /// Policies that only report, and denials that are logged.
    fn rollout(&mut self) {
        let names = |lacks: &dyn Fn(Capabilities) -> bool| -> Vec<&'static str> {
            self.can.iter().filter(|(_, can)| lacks(*can)).map(|(name, _)| *name).collect()
        };
        let profile = &self.model.profile;
        if profile.staged {
            let (never, whole) = (names(&|can| can.staged == Staging::None), names(&|c| c.staged == Staging::Whole));
            if !never.is_empty() {
                let message = format!(
                    "{} {} no policies that only report, as `staged` asks",
                    and(&never),
                    if never.len() == 1 { "has" } else { "have" }
                );
                let help = format!("name the other dialects in netpolc.toml: `dialects = [{}]`", others());
                self.out.errors.push(self.asked("staged", message).help(help));
            }
            if !whole.is_empty() {
                self.out.notes.push(format!("staged: {} only report, nothing is enforced", policies_of(&whole)));
                // Felix programs no rule of a staged policy (felix/rules/policy.go), so none of them logs.
                let logs: Vec<&str> =
                    whole.iter().copied().filter(|name| names(&|c| c.log_denied).contains(name)).collect();
                if profile.log_denied && !logs.is_empty() {
                    let text = format!("log-denied: {} log nothing as long as they are staged", policies_of(&logs));
                    self.out.notes.push(text);
                }
            }
        }
        let silent = names(&|can| !can.log_denied);
        if profile.log_denied && !silent.is_empty() {
            self.out.notes.push(format!("log-denied: {} log nothing, they have no rule for it", policies_of(&silent)));
        }
    }
}

/// All dialects that can be staged, as the project file would name them.
fn others() -> String {
    let can = super::REGISTRY.iter().filter(|dialect| dialect.capabilities().staged != Staging::None);
    can.map(|dialect| format!("\"{}\"", dialect.name())).collect::<Vec<_>>().join(", ")
}

fn policies_of(dialects: &[&str]) -> String {
    format!("the policies of {}", and(dialects))
}

/// `a`, `a and b`, `a, b and c`.
fn and(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn permit_help(dialects: &[&str], approximation: Approximation) -> String {
    let keys: Vec<String> =
        dialects.iter().map(|dialect| format!("`{dialect} = [\"{}\"]`", approximation.name())).collect();
    format!("or permit it under `[approximate]` in netpolc.toml: {}", keys.join(", "))
}

/// Promises about what pods may send, which the cluster does not keep.
fn egress(model: &Model) -> impl Iterator<Item = Diagnostic> {
    let edges = model.edges().filter(|(_, edge)| matches!(edge.from, Endpoint::Tier(_))).map(|(_, edge)| {
        let message =
            format!("{} limits what pods send, which this cluster does not enforce", quote(&model.edge_name(edge)));
        Diagnostic::error(codes::PROFILE, edge.from_span, message)
    });
    let tiers = model.tiers().filter(|(_, tier)| tier.dns).map(|(_, tier)| {
        let message =
            format!("{} may ask only the cluster's DNS, which this cluster does not enforce", quote(&tier.name));
        Diagnostic::error(codes::PROFILE, tier.span, message)
    });
    edges.chain(tiers).map(|diagnostic| {
        diagnostic
            .note("the project file says `enforces-egress = false`")
            .help("use a network plugin that enforces egress policies, then remove that line")
    })
}

fn listed(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len().saturating_sub(LISTED);
    let mut out = items.take(LISTED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        out.push_str(&format!(" and {more} more"));
    }
    out
}

#[cfg(test)]
mod tests;
