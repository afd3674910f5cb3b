//! What may change in rendered YAML, by kind of change, because its meaning stays.

/// What may change, by dialect (none: in all), and why the meaning stays. `*` stands for anything.
const SAME: &[(&str, &[&str], &str)] = &[
    ("", &["*item doubled", "*items swapped"], "lists add up"),
    ("", &["* moved"], "the lists of files reach all of them"),
    ("", &["*Policy.metadata.name *"], "nothing asks for policies by name"),
    ("calico", &["*Set.metadata.name *"], "sets are found by their labels"),
    (
        "",
        &["*.metadata.annotations null", "*.metadata.annotations removed"],
        "annotations tell people where an object comes from",
    ),
    ("", &["*.metadata.labels.app.kubernetes.io/managed-by*"], "this label tells people who made an object"),
    ("kubernetes", &["*Policy.metadata.labels *"], "nothing asks for labels of policies"),
    ("kubernetes", &["*.protocol null", "*.protocol removed"], "the protocol is TCP where none is named"),
    (
        "kubernetes",
        &["allow/NetworkPolicy.spec.policyTypes *"],
        "missing types follow the rules, and isolate nothing that the baseline does not",
    ),
    (
        "kubernetes",
        &[
            "baseline/NetworkPolicy.spec.policyTypes item removed",
            "baseline/NetworkPolicy.spec.policyTypes another",
            "baseline/NetworkPolicy.spec.policyTypes Ingress to Egress",
        ],
        "a tier of all pods isolates them, too, in the direction of its rules",
    ),
    (
        "calico",
        &["*Policy.metadata.labels *", "*Tier.metadata.labels *"],
        "nothing asks for labels of policies and tiers",
    ),
    ("calico", &["*elector behind a blank"], "blanks separate words, and no more"),
    ("calico", &["*elector every ' to \""], "texts of selectors stand in either kind of quotes"),
    (
        "calico",
        &["*projectcalico.org/name to kubernetes.io/metadata.name"],
        "Calico and the API server both label a namespace by its name",
    ),
    (
        "calico",
        &["allow/GlobalNetworkPolicy.spec.ingress.source.namespaceSelector *all()", "*.namespaceSelector or all"],
        "`all()` is every namespace, as whatever has a name is",
    ),
    (
        "calico",
        &[
            "allow/GlobalNetworkPolicy.spec.egress.destination.selector*&& to ||",
            "allow/GlobalNetworkPolicy.spec.egress.destination.selector without a term",
        ],
        "what a rule finds by either label is the one external that is there",
    ),
    ("calico", &["*.ports as text"], "a port may be a text that is a number"),
    (
        "calico",
        &["baseline/GlobalNetworkPolicy.spec.egress*", "baseline/GlobalNetworkPolicy.spec.ingress*"],
        "what logs decides nothing: the end of the tier denies",
    ),
    (
        "calico",
        &[
            "default-deny/GlobalNetworkPolicy.spec.egress item removed",
            "default-deny/GlobalNetworkPolicy.spec.ingress item removed",
        ],
        "what logs decides nothing",
    ),
    (
        "calico",
        &[
            "allow/GlobalNetworkPolicy.spec.egress.action Allow to Pass",
            "allow/GlobalNetworkPolicy.spec.ingress.action Allow to Pass",
        ],
        "no later tier governs these pods, so what is passed on is allowed",
    ),
    (
        "calico",
        &[
            "allow/GlobalNetworkPolicy.spec.egress.destination.nets emptied",
            "allow/GlobalNetworkPolicy.spec.egress.destination.nets item removed",
            "allow/GlobalNetworkPolicy.spec.egress.destination.nets null",
            "allow/GlobalNetworkPolicy.spec.egress.destination.nets removed",
        ],
        "beside `notNets` of one family, every address of that family is what no `nets` are",
    ),
    (
        "calico",
        &[
            "default-deny/GlobalNetworkPolicy.spec.* Log to Deny",
            "default-deny/GlobalNetworkPolicy.spec.*.action another",
        ],
        "what would be logged is denied by the next rule anyway",
    ),
    (
        "cilium",
        &[
            "allow/CiliumNetworkPolicy.spec.egress.toFQDNs.* in capitals",
            "allow/CiliumNetworkPolicy.spec.egress.toFQDNs.matchName renamed matchPattern",
        ],
        "names of hosts know no case, and a pattern without an asterisk is a name",
    ),
    (
        "calico",
        &["*GlobalNetworkPolicy.spec.types null", "*GlobalNetworkPolicy.spec.types removed"],
        "missing types follow the rules",
    ),
    (
        "calico",
        &[
            "*/GlobalNetworkPolicy.spec.selector emptied",
            "*/GlobalNetworkPolicy.spec.selector null",
            "*/GlobalNetworkPolicy.spec.selector removed",
            "*/GlobalNetworkPolicy.spec.selector or all",
            "*/GlobalNetworkPolicy.spec.selector without a term",
        ],
        "every pod of a namespace is `all()`, or no selector",
    ),
    (
        "calico",
        &["*GlobalNetworkPolicy.spec.order *"],
        "what allows adds up, and the end of the tier comes after all of it",
    ),
    (
        "calico",
        &["baseline/GlobalNetworkPolicy.spec.types item removed"],
        "a tier of all pods isolates them, too, in the direction of its rules",
    ),
    (
        "calico",
        &["allow/GlobalNetworkPolicy.spec.tier another"],
        "what the tier of a guard allows is allowed, and it hands over the rest",
    ),
    ("calico", &["*.spec.tier null", "*.spec.tier removed"], "the tier is `default` where none is named"),
    (
        "calico",
        &["*-deny/Tier.spec.order *", "default-deny/Tier.spec emptied"],
        "a guard may stand anywhere on its side of the tier `default`: where the tiers of others stand is not known",
    ),
    (
        "calico",
        &["default-deny/Tier.spec.defaultAction *"],
        "no pod reaches the end of a tier whose policy denies everything",
    ),
    (
        "cilium",
        &["*Policy.metadata.labels *", "*CiliumCIDRGroup.metadata.labels *"],
        "nothing asks for labels of objects",
    ),
    (
        "cilium",
        &[
            "baseline/CiliumNetworkPolicy.spec.enableDefaultDeny*",
            "default-deny/CiliumClusterwideNetworkPolicy.spec.enableDefaultDeny*",
        ],
        "a direction with rules is isolated where nothing is said of it",
    ),
    (
        "cilium",
        &["metadata-deny/*.enableDefaultDeny.ingress null", "metadata-deny/*.enableDefaultDeny.ingress removed"],
        "a direction without rules is not isolated where nothing is said of it",
    ),
    (
        "cilium",
        &[
            "allow/CiliumNetworkPolicy.spec.ingress.fromEntities null",
            "allow/CiliumNetworkPolicy.spec.ingress.fromEntities removed",
        ],
        "no list of peers is everyone, as `all` is",
    ),
    (
        "cilium",
        &["*.spec.egress renamed egressDeny", "*.spec.ingress renamed ingressDeny"],
        "a rule without peers and ports isolates, whether it allows nothing or denies nothing",
    ),
];

/// Whether the meaning stays when this is changed.
pub fn may_change(dialect: &str, class: &str) -> bool {
    let of_dialect = SAME.iter().filter(|(of, ..)| of.is_empty() || *of == dialect);
    of_dialect.flat_map(|(_, patterns, _)| *patterns).any(|pattern| fits(class, pattern))
}

fn fits(class: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => class == pattern,
        Some((start, rest)) => class.strip_prefix(start).is_some_and(|class| {
            let ends = class.char_indices().map(|(at, _)| &class[at..]).chain([""]);
            ends.into_iter().any(|end| fits(end, rest))
        }),
    }
}
