//! What NetworkPolicy cannot say: it knows pods, addresses and ports, no HTTP and no host names.
//!
//! In: the model. Out: an error for each edge that asks for more, or the approximation that the project file permits.

use super::NAME;
use crate::diag::{Diagnostic, codes, quote};
use crate::dialects::{Approximated, Review};
use crate::model::{Approximation, Builtin, Edge, EdgeId, Endpoint, External, HttpRule, Model};

/// The most things that one message lists.
const LISTED: usize = 5;

/// Reviews every edge once, whatever the number of its namespaces.
pub fn review(model: &Model) -> Review {
    let mut review = Review::default();
    for (id, edge) in model.edges() {
        if !edge.http.is_empty() {
            http(model, id, edge, &mut review);
        }
        if let Endpoint::External(external) = edge.to {
            fqdns(model, id, edge, &model[external], &mut review);
        }
        review.errors.extend(unknown_addresses(model, edge));
    }
    if !model.profile.enforces_egress {
        review.errors.extend(egress(model));
    }
    review
}

/// Built-ins that are addresses here, and only the platform team knows which.
fn unknown_addresses(model: &Model, edge: &Edge) -> Option<Diagnostic> {
    let profile = &model.profile;
    let ends = [(edge.from, edge.from_span), (edge.to, edge.to_span)];
    ends.into_iter().find_map(|(end, span)| {
        let (word, key) = match end {
            Endpoint::Builtin(Builtin::Nodes) if profile.node_cidrs.is_empty() => ("nodes", "node-cidrs"),
            Endpoint::Builtin(Builtin::ApiServer) if profile.api_server_cidrs.is_empty() => {
                ("kube-apiserver", "api-server-cidrs")
            }
            _ => return None,
        };
        let message = format!("{NAME} reaches {} by address, and its addresses are not known", quote(word));
        let help = format!("let the platform team write `{key} = [\"…\"]` under `[cluster]` in netpolc.toml");
        Some(Diagnostic::error(codes::PROFILE, span, message).help(help))
    })
}

fn permits(model: &Model, approximation: Approximation) -> bool {
    // A set of pairs can only be asked for a pair: compare by value instead of building a shared text.
    model.profile.approximate.iter().any(|(dialect, permitted)| &**dialect == NAME && *permitted == approximation)
}

fn permit_help(approximation: Approximation) -> String {
    format!("or permit it in netpolc.toml: `[approximate]` and `{NAME} = [\"{}\"]`", approximation.name())
}

fn http(model: &Model, id: EdgeId, edge: &Edge, review: &mut Review) {
    let approximation = Approximation::HttpAsL4;
    let detail = listed(edge.http.iter().map(describe_http));
    if permits(model, approximation) {
        review.approximations.push(Approximated { approximation, edge: id, detail });
        return;
    }
    let name = quote(&model.edge_name(edge));
    let message = format!("{NAME} cannot limit {name} to some HTTP requests");
    review.errors.push(
        Diagnostic::error(codes::INEXPRESSIBLE, edge.http_span.unwrap_or(edge.to_span), message)
            .label("every request on these ports would be allowed")
            .help("remove `http`, if access to the ports is what is meant")
            .help(permit_help(approximation)),
    );
}

fn describe_http(rule: &HttpRule) -> String {
    match (&rule.method, &rule.path) {
        (Some(method), Some(path)) => format!("{method} {path}"),
        (Some(method), None) => method.to_string(),
        (None, Some(path)) => path.to_string(),
        (None, None) => "any request".to_owned(),
    }
}

fn fqdns(model: &Model, id: EdgeId, edge: &Edge, external: &External, review: &mut Review) {
    let approximation = Approximation::FqdnsOmitted;
    let Some(first) = external.fqdns.first() else { return };
    let detail = listed(external.fqdns.iter().map(|host| host.value.to_string()));
    // Where the author gave addresses too, they are rendered: no permission is needed, but it is said.
    if !external.cidrs.is_empty() || permits(model, approximation) {
        review.approximations.push(Approximated { approximation, edge: id, detail });
        return;
    }
    let message = format!("{NAME} cannot allow host names, and {} has nothing else", quote(&external.name));
    review.errors.push(
        Diagnostic::error(codes::INEXPRESSIBLE, edge.to_span, message)
            .label(format!("{} would be left out", quote(&model.edge_name(edge))))
            .related(first.span, "only host names are given")
            .help("give the external its addresses too: `cidrs = [\"…\"]`")
            .help(permit_help(approximation)),
    );
}

/// Promises about what pods may send, which the cluster does not keep.
fn egress(model: &Model) -> impl Iterator<Item = Diagnostic> {
    let edges = model.edges().filter(|(_, edge)| matches!(edge.from, Endpoint::Tier(_))).map(|(_, edge)| {
        let message =
            format!("{} limits what pods send, which this cluster does not enforce", { quote(&model.edge_name(edge)) });
        Diagnostic::error(codes::PROFILE, edge.from_span, message)
    });
    let tiers = model.tiers().filter(|(_, tier)| tier.dns).map(|(_, tier)| {
        let message =
            format!("{} may ask only the cluster's DNS, which this cluster does not enforce", { quote(&tier.name) });
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
