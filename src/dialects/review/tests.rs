//! What is told of dialects that lack something: dialects made for it, each with other capabilities.

use super::*;
use crate::checks::testing::Draft;
use crate::dialects::{Review, Shared, Writer};
use crate::model::{HttpRule, Profile, Sym};
use crate::source::{FileId, Sources, Spanned};
use crate::verify::normal;

struct Target(&'static str, Capabilities);

impl Dialect for Target {
    fn name(&self) -> &'static str {
        self.0
    }
    fn templates(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }
    fn capabilities(&self) -> Capabilities {
        self.1
    }
    fn review(&self, _: &Model) -> Review {
        Review { errors: vec![], notes: vec!["needs care".to_owned()] }
    }
    fn writer<'m>(&self, _: &'m Model, _: &'m crate::lower::Shared) -> Box<dyn Writer + 'm> {
        panic!("a review writes nothing")
    }
    fn shared(&self, _: &Sources, _: &[FileId]) -> Option<Box<dyn Shared>> {
        None
    }
    fn read(&self, _: &Sources, _: &[FileId]) -> Result<Vec<normal::File>, Vec<Diagnostic>> {
        Ok(vec![])
    }
    fn kinds(&self) -> crate::dialects::reading::Kinds {
        crate::dialects::reading::Kinds { known: &[], help: "nothing" }
    }
    fn readings(
        &self,
        _: &[crate::dialects::reading::text::Doc<'_>],
        _: &crate::dialects::Assumed,
    ) -> Result<Vec<normal::Reading>, Vec<Diagnostic>> {
        Ok(vec![])
    }
}

const NOTHING: Capabilities = Capabilities {
    http: false,
    host_names: false,
    entities: false,
    local_redirect: false,
    guards: false,
    staged: Staging::None,
    log_denied: false,
};
const EVERYTHING: Capabilities = Capabilities {
    http: true,
    host_names: true,
    entities: true,
    local_redirect: true,
    guards: true,
    staged: Staging::Whole,
    log_denied: true,
};
/// Knows nothing.
static POOR: Target = Target("poor", NOTHING);
/// Knows nothing either, but to stage.
static PLAIN: Target = Target("plain", Capabilities { staged: Staging::Whole, ..NOTHING });
/// Knows everything.
static RICH: Target = Target("rich", EVERYTHING);
/// Knows everything, and enforces some of it at once.
static HASTY: Target = Target("hasty", Capabilities { staged: Staging::AllowsOnly, log_denied: false, ..EVERYTHING });

fn messages(reviewed: &Reviewed) -> Vec<&str> {
    reviewed.errors.iter().map(|error| error.message.as_str()).collect()
}

/// What is approximated in a dialect, in words.
fn approximated(model: &Model, reviewed: &Reviewed, dialect: &str) -> Vec<String> {
    let all = reviewed.approximations.get(dialect).map_or(&[][..], Vec::as_slice);
    all.iter().map(|one| crate::dialects::describe(model, one)).collect()
}

fn permit(profile: &mut Profile, dialect: &str, approximation: Approximation) {
    profile.approximate.insert((Sym::from(dialect), approximation));
}

fn http() -> Draft {
    let rule = HttpRule { method: Some("GET".into()), path: Some("/a".into()), headers: vec![] };
    Draft::new().tiers("web api").edges("web -> api").with(|model| model.edges[0].http = vec![rule])
}

#[test]
fn http_is_refused_once_for_all_dialects_that_lack_it_and_permitted_by_name() {
    let reviewed = review(&http().model(), &[&POOR, &PLAIN, &RICH]);
    assert_eq!(messages(&reviewed), ["poor and plain cannot limit `web -> api` to some HTTP requests"]);
    let model = http().with(|model| permit(&mut model.profile, "poor", Approximation::HttpAsL4)).model();
    let reviewed = review(&model, &[&POOR, &PLAIN, &RICH]);
    assert_eq!(messages(&reviewed), ["plain cannot limit `web -> api` to some HTTP requests"]);
    assert_eq!(approximated(&model, &reviewed, "poor"), ["http-as-l4 (wider): web -> api: GET /a"]);
    assert!(approximated(&model, &reviewed, "rich").is_empty());
}

#[test]
fn what_would_be_enforced_at_once_is_held_back_while_staged_and_that_is_said() {
    let draft = |staged| {
        http().with(|model| {
            (model.profile.staged, model.profile.metadata_deny) = (staged, true);
        })
    };
    let model = draft(true).model();
    let reviewed = review(&model, &[&RICH, &HASTY]);
    assert!(reviewed.errors.is_empty(), "{:?}", messages(&reviewed));
    assert_eq!(
        approximated(&model, &reviewed, "hasty"),
        [
            "http-as-l4 (wider): web -> api: GET /a",
            "guards-omitted (wider): metadata-deny: no policy for all namespaces"
        ]
    );
    assert!(approximated(&model, &reviewed, "rich").is_empty());
    let model = draft(false).model();
    assert!(approximated(&model, &review(&model, &[&HASTY]), "hasty").is_empty());
}

#[test]
fn host_names_beside_addresses_may_be_left_out_and_alone_may_not() {
    let draft = |cidrs: &str| {
        let draft = Draft::new().tiers("web").external("pay", cidrs, "").edges("web -> pay");
        draft.with(|model| {
            let span = model.externals[0].span;
            model.externals[0].fqdns = vec![Spanned::new("pay.example.com".into(), span)];
        })
    };
    let alone = draft("").model();
    let refused = ["poor cannot allow host names, and `pay` has nothing else"];
    assert_eq!(messages(&review(&alone, &[&POOR, &RICH])), refused);
    let model = draft("203.0.113.0/24").model();
    let reviewed = review(&model, &[&POOR, &RICH]);
    assert!(reviewed.errors.is_empty());
    assert_eq!(approximated(&model, &reviewed, "poor"), ["fqdns-omitted (narrower): web -> pay: pay.example.com"]);
    assert!(approximated(&model, &reviewed, "rich").is_empty());
}

#[test]
fn unknown_addresses_concern_either_end_in_dialects_that_need_them() {
    for edge in ["web -> nodes", "nodes -> web", "web -> kube-apiserver"] {
        let model = Draft::new().tiers("web").edges(edge).model();
        let word = if edge.contains("nodes") { "nodes" } else { "kube-apiserver" };
        let told = format!("poor and plain reach `{word}` by address, and its addresses are not known");
        assert_eq!(messages(&review(&model, &[&POOR, &PLAIN, &RICH])), [told]);
        assert!(review(&model, &[&RICH]).errors.is_empty());
    }
    let known = Draft::new().tiers("web").edges("nodes -> web");
    let known = known.with(|model| model.profile.node_cidrs = vec!["192.0.2.0/24".parse().unwrap()]).model();
    assert!(review(&known, &[&POOR]).errors.is_empty());
}

#[test]
fn a_guard_that_cannot_be_said_is_refused_unless_leaving_it_out_is_permitted() {
    let guarded = || Draft::new().tiers("web").with(|model| model.profile.metadata_deny = true);
    let reviewed = review(&guarded().model(), &[&POOR, &RICH]);
    assert_eq!(messages(&reviewed), ["poor cannot guard all namespaces, as `metadata-deny` asks"]);
    let model = guarded().with(|model| permit(&mut model.profile, "poor", Approximation::GuardsOmitted)).model();
    let reviewed = review(&model, &[&POOR, &RICH]);
    assert!(reviewed.errors.is_empty());
    assert_eq!(approximated(&model, &reviewed, "poor").len(), 1);
}

#[test]
fn staging_is_refused_where_nothing_can_be_staged_and_told_where_all_is() {
    let model = Draft::new().tiers("web").with(|model| model.profile.staged = true).model();
    let reviewed = review(&model, &[&POOR, &PLAIN, &RICH, &HASTY]);
    assert_eq!(messages(&reviewed), ["poor has no policies that only report, as `staged` asks"]);
    let known = super::super::REGISTRY.iter().filter(|dialect| dialect.capabilities().staged != Staging::None);
    for dialect in known {
        assert!(reviewed.errors[0].help[0].contains(dialect.name()), "{:?}", reviewed.errors[0].help);
    }
    assert_eq!(reviewed.notes[0], "staged: the policies of plain and rich only report, nothing is enforced");
}

#[test]
fn dialects_that_log_nothing_are_named() {
    let model = Draft::new().tiers("web").with(|model| model.profile.log_denied = true).model();
    let reviewed = review(&model, &[&POOR, &RICH, &HASTY]);
    assert_eq!(reviewed.notes[0], "log-denied: the policies of poor and hasty log nothing, they have no rule for it");
}

#[test]
fn what_a_dialect_says_itself_has_its_name_in_front() {
    let model = Draft::new().tiers("web").model();
    assert_eq!(review(&model, &[&POOR, &RICH]).notes, ["poor: needs care", "rich: needs care"]);
}

#[test]
fn promises_of_egress_that_the_cluster_does_not_keep_are_errors() {
    let draft = Draft::new().tiers("web api").edges("web -> api");
    let model = draft.with(|model| {
        model.profile.enforces_egress = false;
        model.tiers[1].dns = false;
    });
    assert_eq!(
        messages(&review(&model.model(), &[&POOR, &RICH])),
        [
            "`web -> api` limits what pods send, which this cluster does not enforce",
            "`web` may ask only the cluster's DNS, which this cluster does not enforce"
        ]
    );
}
