//! NP403: host names whose addresses are others' too.

use std::collections::HashMap;

use crate::checks::{Context, Findings, Group, Rule};
use crate::diag::{Code, quote};
use crate::model::{Endpoint, ExternalId, LintLevel, WaiveTarget};
use crate::source::Span;

/// Domains below which anybody gets a name, all served from the same addresses, which look at the name that a request
/// asks for. Each provider says so itself:
const SHARED: [&str; 27] = [
    // "Choose how CloudFront serves HTTPS requests": by SNI, on addresses that are no distribution's own.
    "cloudfront.net",
    // Fastly, "Dedicated IP addresses": what is not dedicated is shared and told apart by SNI.
    "fastly.net",
    "fastlylb.net",
    "edgecompute.app",
    // Akamai, "Edge hostnames": one edge server answers for all of them.
    "akamaiedge.net",
    "akamaihd.net",
    "akamaized.net",
    "edgekey.net",
    "edgesuite.net",
    // Azure, "Azure Front Door": one anycast front end; "Inbound and outbound IP addresses in App Service": one a
    // scale unit.
    "azureedge.net",
    "azurefd.net",
    "azurewebsites.net",
    // Google Cloud, "Configure Private Google Access": all APIs and front ends share the default domains' addresses;
    // Firebase Hosting and App Engine stand behind the same.
    "appspot.com",
    "cloudfunctions.net",
    "firebaseapp.com",
    "googleapis.com",
    "run.app",
    "web.app",
    // GitHub, "Managing a custom domain": four addresses for every site; raw files come from a shared CDN.
    "github.io",
    "githubusercontent.com",
    // Cloudflare, "Cloudflare IP addresses": proxied names share anycast addresses.
    "pages.dev",
    "r2.dev",
    "workers.dev",
    // Heroku, "HTTP routing"; Netlify and Vercel, "Configure external DNS" and "Working with DNS": one load balancer
    // for all.
    "herokuapp.com",
    "netlify.app",
    "vercel.app",
    "now.sh",
];

/// Amazon S3 tells buckets apart by the name in the request ("Virtual hosting of buckets"): `b.s3.amazonaws.com`,
/// `b.s3.eu-west-1.amazonaws.com`, `s3-eu-west-1.amazonaws.com`. A private endpoint has another ending.
const AMAZON: &str = "amazonaws.com";

/// The rule.
pub static RULE: Rule = Rule {
    code: Code("NP403"),
    name: "shared-addresses",
    group: Group::Dialect,
    default: LintLevel::Warning,
    about: "external",
    summary: "a host name is served from addresses that it shares with other sites",
    doc: r#"
A dialect that knows host names still allows addresses: it looks at what a name was resolved to, and lets the pods
connect there. Content delivery networks and hosting platforms serve all their customers from the same addresses and
look at the name in the request. Whoever may reach one of them may reach every other: a pod that may upload to your
bucket may upload to an attacker's, and the policy that reads `assets.example.github.io` is a policy for all of
`github.io`.

Names below the domains of large networks are found; a name of your own that leads there, as a CNAME, looks harmless
and is not. Wildcards over such a domain say openly what an exact name does.

To mend it, use an endpoint of your own, as a private endpoint of the cloud or a dedicated address, or send these
requests through a proxy that looks at names, and let the edge lead there. Where the data is public and nothing
secret can leave that way, accept this with a waiver that says so.

```toml
# bad
app = "shop"

[tiers]
api = { namespace = "shop", pods = { app = "api" } }

[external]
receipts = { fqdns = ["receipts.s3.eu-west-1.amazonaws.com"], ports = [443] }

[[allow]]
from = "api"
to   = "receipts"
why  = "receipts are stored"
```

```toml
# mended
app = "shop"

[tiers]
api = { namespace = "shop", pods = { app = "api" } }

[external]
receipts = { fqdns = ["bucket.vpce-0a1b2c-3d4e5f.s3.eu-west-1.vpce.amazonaws.com"], ports = [443] }

[[allow]]
from = "api"
to   = "receipts"
why  = "receipts are stored"
```
"#,
    check,
};

fn check(cx: &Context<'_>, findings: &mut Findings) {
    let model = cx.model;
    let Some(dialects) = cx.dialects(|target| target.host_names) else { return };
    let mut used: HashMap<ExternalId, Span> = HashMap::new();
    for edge in &model.edges {
        if let Endpoint::External(id) = edge.to {
            used.entry(id).or_insert(edge.to_span);
        }
    }
    for (id, external) in model.externals() {
        let mut shared = external.fqdns.iter().filter_map(|host| Some((host, shared(&host.value)?)));
        let Some((host, domain)) = shared.next() else { continue };
        let Some(span) = used.get(&id) else { continue };
        let more = match shared.count() {
            0 => String::new(),
            more => format!(" (and {more} more of {})", quote(&external.name)),
        };
        let message = format!("{}{more} shares its addresses with other sites", quote(&host.value));
        let finding = findings
            .at(host.span, message)
            .related(*span, "used here")
            .note(format!(
                "in {dialects} the addresses of a name are allowed, and with them every site of {}",
                quote(domain)
            ))
            .help("use a private endpoint or a dedicated address, or a proxy that looks at names");
        findings.push(&[WaiveTarget::External(id)], finding);
    }
}

/// The domain whose names share addresses with a host name.
fn shared(host: &str) -> Option<&str> {
    let below = |domain: &&&str| host.strip_suffix(**domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if let Some(domain) = SHARED.iter().find(below) {
        return Some(domain);
    }
    let labels = host.strip_suffix(AMAZON)?.strip_suffix('.')?;
    let bucket = |label: &str| label == "s3" || label.strip_prefix("s3-").is_some();
    let mut labels = labels.rsplit('.');
    let private = labels.clone().next() == Some("vpce");
    (!private && labels.any(bucket)).then_some("s3.amazonaws.com")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{BY_ADDRESS, BY_NAME, Draft};
    use crate::source::Spanned;

    #[test]
    fn names_of_shared_front_ends_are_known() {
        for host in [
            "d111111abcdef8.cloudfront.net",
            "cloudfront.net",
            "*.github.io",
            "storage.googleapis.com",
            "b.s3.amazonaws.com",
            "s3.eu-west-1.amazonaws.com",
            "a.b.s3.dualstack.eu-west-1.amazonaws.com",
            "b.s3-eu-west-1.amazonaws.com",
        ] {
            assert!(shared(host).is_some(), "{host}");
        }
        for host in [
            "api.stripe.com",
            "*.paypal.com",
            "notcloudfront.net",
            "cloudfront.net.example.com",
            "sqs.eu-west-1.amazonaws.com",
            "amazonaws.com",
            "bucket.vpce-1-2.s3.eu-west-1.vpce.amazonaws.com",
            "s3.example.com",
        ] {
            assert_eq!(shared(host), None, "{host}");
        }
    }

    #[test]
    fn the_list_has_each_domain_once_and_in_lower_case() {
        let set: std::collections::BTreeSet<&str> = SHARED.into();
        assert_eq!(set.len(), SHARED.len());
        assert!(SHARED.iter().all(|domain| domain.to_ascii_lowercase() == **domain && !domain.starts_with('.')));
    }

    fn draft(hosts: &[&str]) -> Draft {
        let draft = Draft::new().tiers("web").external("cdn", "203.0.113.0/24", "");
        let draft = draft.with(|m| {
            let span = m.tiers[0].span;
            m.externals[0].fqdns = hosts.iter().map(|host| Spanned::new((*host).into(), span)).collect();
        });
        draft.edge("web -> cdn", "443/TCP")
    }

    #[test]
    fn an_external_is_told_once() {
        let found = draft(&["api.stripe.com", "a.github.io", "b.vercel.app"]).check_for(&[BY_ADDRESS, BY_NAME], &RULE);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].message, "`a.github.io` (and 1 more of `cdn`) shares its addresses with other sites");
        assert!(found[0].notes[0].starts_with("in rich"), "{:?}", found[0].notes);
    }

    #[test]
    fn where_names_are_not_allowed_nothing_is_shared() {
        assert!(draft(&["a.github.io"]).check_for(&[BY_ADDRESS], &RULE).is_empty());
        assert!(draft(&["api.stripe.com"]).check_for(&[BY_NAME], &RULE).is_empty());
        let unused = draft(&["a.github.io"]).with(|m| m.edges.clear());
        assert!(unused.check_for(&[BY_NAME], &RULE).is_empty());
    }
}
