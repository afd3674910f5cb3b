//! Policies that the analyzer reads, and understands otherwise.

use super::case::{Dialect, Side};
use super::left_out::Differs;

const OUTSIDE: &str = "ip:203.0.113.0";

pub const DIFFERS: &[Differs] = &[
    Differs {
        why: "a podSelector beside a namespaceSelector is about the pods of those namespaces (networking/v1/types.go, \
              NetworkPolicyPeer); of Exists and DoesNotExist the analyzer takes those of the policy's own",
        dialect: Dialect::Kubernetes,
        policies: "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress:
    - from: [{namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: Exists}]}}]
",
        side: Side::Ingress,
        flow: ("pay/db", "shop/web", "TCP", 80),
        allowed: true,
        left_open: false,
    },
    Differs {
        why: "without policyTypes a policy is about egress if it has egress rules; `egress: []` has none \
              (pkg/apis/networking/v1/defaults.go, SetDefaults_NetworkPolicy)",
        dialect: Dialect::Kubernetes,
        policies: "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, egress: []}
",
        side: Side::Allowed,
        flow: ("shop/web", "pay/db", "TCP", 80),
        allowed: true,
        left_open: false,
    },
    Differs {
        why: "whether an ipBlock is also about the pods in it is where network plugins differ; for the analyzer it never is",
        dialect: Dialect::Kubernetes,
        policies: "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.1.0.0/16}}]}]}
",
        side: Side::Egress,
        flow: ("shop/web", "pay/db", "TCP", 80),
        allowed: true,
        left_open: true,
    },
    Differs {
        why: "a label that is not there has no value (apimachinery, labels/selector.go, Requirement.Matches); the analyzer takes that of a \
              namespace for empty",
        dialect: Dialect::Kubernetes,
        policies: "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress: [{from: [{namespaceSelector: {matchLabels: {env: ''}}}]}]
",
        side: Side::Ingress,
        flow: ("pay/db", "shop/web", "TCP", 80),
        allowed: false,
        left_open: false,
    },
    Differs {
        why: "network sets are Calico's own, and no NetworkPolicy selects them; for the analyzer an empty selector does",
        dialect: Dialect::Calico,
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkSet
metadata: {name: s, labels: {app: web}}
spec: {nets: [203.0.113.0/24]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}]}]}
",
        side: Side::Egress,
        flow: ("shop/web", OUTSIDE, "TCP", 80),
        allowed: false,
        left_open: false,
    },
    Differs {
        why: "a rule of a NetworkPolicy that selects in any way, by a notSelector too, stays in its namespace \
              (libcalico-go/lib/backend/syncersv1/updateprocessors/rules.go)",
        dialect: Dialect::Calico,
        policies: "
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec: {types: [Ingress], ingress: [{action: Allow, source: {notSelector: app == 'web'}}]}
",
        side: Side::Ingress,
        flow: ("pay/db", "shop/web", "TCP", 80),
        allowed: false,
        left_open: false,
    },
    Differs {
        why: "a namespaceSelector is one on labels of namespaces, which a GlobalNetworkSet has none of: one that only says \
              what these are not matches it (libcalico-go/lib/backend/syncersv1/updateprocessors/rules.go)",
        dialect: Dialect::Calico,
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkSet
metadata: {name: s, labels: {app: web}}
spec: {nets: [203.0.113.0/24]}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {types: [Egress], egress: [{action: Allow, destination: {namespaceSelector: team != 'red'}}]}
",
        side: Side::Egress,
        flow: ("shop/web", OUTSIDE, "TCP", 80),
        allowed: true,
        left_open: false,
    },
    Differs {
        why: "of policies of one order the first by name comes first (felix/calc, policy_sorter.go); for the analyzer that of \
              the file",
        dialect: Dialect::Calico,
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: b}
spec: {order: 10, types: [Ingress], ingress: [{action: Deny}]}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: a}
spec: {order: 10, types: [Ingress], ingress: [{action: Allow}]}
",
        side: Side::Ingress,
        flow: ("pay/db", "shop/web", "TCP", 80),
        allowed: true,
        left_open: false,
    },
    Differs {
        why: "an order may have a fraction (projectcalico/v3, GlobalNetworkPolicySpec: float64); the analyzer reads such ones \
              as text, and compares that",
        dialect: Dialect::Calico,
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: a}
spec: {order: 9.5, types: [Ingress], ingress: [{action: Allow}]}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: b}
spec: {order: 10.5, types: [Ingress], ingress: [{action: Deny}]}
",
        side: Side::Ingress,
        flow: ("pay/db", "shop/web", "TCP", 80),
        allowed: true,
        left_open: false,
    },
    Differs {
        why: "all that a rule says must hold (projectcalico/v3, Rule), ports and notPorts, whichever way a port is called; \
              the analyzer takes numbers out of numbers and names out of names",
        dialect: Dialect::Calico,
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {types: [Ingress], ingress: [{action: Allow, protocol: TCP, destination: {ports: [http], notPorts: [8080]}}]}
",
        side: Side::Ingress,
        flow: ("pay/db", "shop/web", "TCP", 8080),
        allowed: false,
        left_open: false,
    },
    Differs {
        why: "a set is selected by its own labels; the analyzer intersects the addresses of sets, so that two that overlap \
              are one with the labels of both",
        dialect: Dialect::Calico,
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkSet
metadata: {name: s, labels: {app: web}}
spec: {nets: [203.0.113.0/24]}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkSet
metadata: {name: t, labels: {tier: back}}
spec: {nets: [203.0.113.0/25]}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {types: [Egress], egress: [{action: Allow, destination: {selector: app == 'web' && tier == 'back'}}]}
",
        side: Side::Egress,
        flow: ("shop/web", OUTSIDE, "TCP", 80),
        allowed: false,
        left_open: false,
    },
    Differs {
        why: "ranges are about every address, a pod's too; for the analyzer never",
        dialect: Dialect::Calico,
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {types: [Egress], egress: [{action: Allow, destination: {nets: [10.1.0.0/16]}}]}
",
        side: Side::Egress,
        flow: ("shop/web", "pay/db", "TCP", 80),
        allowed: true,
        left_open: false,
    },
    Differs {
        why: "the same of what notNets leaves",
        dialect: Dialect::Calico,
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {types: [Egress], egress: [{action: Allow, destination: {notNets: [203.0.113.0/24]}}]}
",
        side: Side::Egress,
        flow: ("shop/web", "pay/db", "TCP", 80),
        allowed: true,
        left_open: false,
    },
    Differs {
        why: "the same of a rule's own side",
        dialect: Dialect::Calico,
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {types: [Ingress], ingress: [{action: Allow, destination: {nets: [10.1.0.0/16]}}]}
",
        side: Side::Ingress,
        flow: ("pay/db", "shop/web", "TCP", 80),
        allowed: true,
        left_open: false,
    },
    Differs {
        why: "all that a rule says must hold, so what is both selected and in the ranges matches; for the analyzer nothing is \
              both",
        dialect: Dialect::Calico,
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {types: [Egress], egress: [{action: Allow, destination: {nets: [10.1.0.0/16], selector: app == 'db'}}]}
",
        side: Side::Egress,
        flow: ("shop/web", "pay/db", "TCP", 80),
        allowed: true,
        left_open: false,
    },
    Differs {
        why: "a rule of an ipVersion is about that family alone (projectcalico/v3, Rule); the analyzer does not look at it",
        dialect: Dialect::Calico,
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {types: [Egress], egress: [{action: Allow, ipVersion: 6}]}
",
        side: Side::Egress,
        flow: ("shop/web", "pay/db", "TCP", 80),
        allowed: false,
        left_open: false,
    },
    Differs {
        why: "Calico labels namespaces and pods itself (libcalico-go/lib/backend/k8s/conversion); the analyzer does not",
        dialect: Dialect::Calico,
        policies: "
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p}
spec: {types: [Ingress], ingress: [{action: Allow, source: {namespaceSelector: projectcalico.org/name == 'pay'}}]}
",
        side: Side::Ingress,
        flow: ("pay/db", "shop/web", "TCP", 80),
        allowed: true,
        left_open: false,
    },
];
