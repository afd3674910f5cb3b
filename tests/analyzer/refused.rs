//! Policies at which the analyzer stops.

use super::left_out::Refused;

pub const REFUSED: &[Refused] = &[
    Refused {
        why: "the two types in the other order",
        policies: "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Egress, Ingress]}
",
        message: "policyTypes has invalid value",
    },
    Refused {
        why: "rules of a direction that the types do not name, where network plugins differ",
        policies: "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress], egress: [{}]}
",
        message: "no \"Egress\" in its policyTypes",
    },
    Refused {
        why: "the same in Calico, where they have no effect",
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {types: [Ingress], egress: [{action: Allow}]}
",
        message: "no \"Egress\" in its policyTypes",
    },
    Refused {
        why: "tiers",
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {tier: default, types: [Ingress]}
",
        message: "tier is not a valid entry",
    },
    Refused {
        why: "selection by service account: of the subject",
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {serviceAccountSelector: all(), types: [Ingress]}
",
        message: "serviceAccountSelector is not a valid entry",
    },
    Refused {
        why: "and of a peer",
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {types: [Ingress], ingress: [{action: Allow, source: {serviceAccounts: {names: [a]}}}]}
",
        message: "serviceAccounts is not yet supported",
    },
    Refused {
        why: "literals in double quotes",
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {types: [Ingress], selector: 'app == \"web\"'}
",
        message: "Invalid expression",
    },
    Refused {
        why: "empty literals",
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {types: [Ingress], selector: app == ''}
",
        message: "Invalid expression",
    },
];
