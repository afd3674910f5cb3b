"""Reads a mesh, and says the same in the words of others.

In: the intents of a generated mesh (`benches/mesh`), read with a TOML parser. Out: files that the rivals take. Nothing here is
timed, and nothing here knows how netpolc works; that a translation says the same is proved where netpolc can read the result.
"""

import itertools
import json
from pathlib import Path

DNS = {"namespace": "kube-system", "pods": {"k8s-app": "kube-dns"}}
SCRAPERS = {"namespace": "monitoring", "pods": {"app": "prometheus"}}


def tiers_and_policies(folder):
    """All tiers by `app/tier`, and all policies: one for each subject, direction and peer, as netpolc makes them."""
    # Of Python 3.11; who compares with no rival needs none.
    import tomllib

    intents = [tomllib.loads(path.read_text()) for path in sorted((folder / "intents").glob("*.toml"))]
    tiers = {
        f"{intent['app']}/{name}": {**tier, "app": intent["app"], "owner": intent["owner"], "name": name}
        for intent in intents
        for name, tier in intent["tiers"].items()
    }
    policies = []

    def add(tier, direction, suffix, peer, ports, flow, why=None):
        policies.append(
            {
                "name": f"{tier['app']}--{tier['name']}--{direction.lower()}{suffix}",
                "namespace": tier["namespace"],
                "app": tier["app"],
                "owner": tier["owner"],
                "pods": tier["pods"],
                "direction": direction,
                "peer": peer,
                "ports": ports,
                "flow": flow,
                "why": why,
            }
        )

    def tcp(ports):
        return [("TCP", port) for port in ports]

    for tier in tiers.values():
        add(tier, "Egress", "-dns", DNS, [("TCP", 53), ("UDP", 53)], f"DNS of {tier['name']}")
        add(tier, "Ingress", "-metrics", SCRAPERS, tcp(tier["metrics"]), f"metrics of {tier['name']}")
    for intent in intents:
        for edge in intent.get("allow", []):
            caller = tiers[f"{intent['app']}/{edge['from']}"]
            for to in edge["to"]:
                flow = f"{edge['from']} -> {to}"
                if to in intent.get("external", {}):
                    external = intent["external"][to]
                    add(caller, "Egress", f"-to--{to}", external, tcp(external["ports"]), flow, edge["why"])
                    continue
                callee = tiers[to if "/" in to else f"{intent['app']}/{to}"]
                ends = [(caller, "Egress", "-to", callee), (callee, "Ingress", "-from", caller)]
                for own, direction, word, other in ends:
                    suffix = f"{word}--{other['app']}--{other['name']}"
                    add(own, direction, suffix, other, tcp(callee["ports"]), flow, edge["why"])
    policies.sort(key=lambda policy: (policy["namespace"], policy["name"]))
    return tiers, policies


def by_namespace(policies):
    return itertools.groupby(policies, key=lambda policy: policy["namespace"])


def for_jinja(mesh, target):
    """One file: what a template has to know, all references resolved."""
    _, policies = tiers_and_policies(mesh)
    namespaces = [{"name": name, "policies": list(group)} for name, group in by_namespace(policies)]
    target.mkdir()
    (target / "edges.json").write_text(json.dumps(namespaces))


def for_aerleon(mesh, target):
    """A policy file for each namespace, and definitions of networks.

    Aerleon describes both ends of a term by addresses (https://aerleon.readthedocs.io/en/latest/user/generators/k8s/ lists all
    that a term may say). So each service gets an address of its own, and DNS, the scrapers and partners theirs.
    """
    tiers, policies = tiers_and_policies(mesh)
    addresses = {name: f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number, name in enumerate(tiers, 1)}
    words = {("DNS", "10.255.0.1"), ("SCRAPERS", "10.255.0.2")}

    def network(peer):
        if peer is DNS:
            return "DNS"
        if peer is SCRAPERS:
            return "SCRAPERS"
        if "cidrs" in peer:
            word, address = f"PARTNER_{peer['cidrs'][0].replace('.', '_').partition('/')[0]}", peer["cidrs"][0]
        else:
            name = f"{peer['app']}/{peer['name']}"
            word, address = peer["name"].upper().replace("-", "_"), addresses[name]
        words.add((word, address))
        return word

    # Aerleon looks for policies in folders of this name, at any depth.
    for folder in ("def", "pol"):
        (target / folder).mkdir(parents=True)
    ports = set()
    for namespace, group in by_namespace(policies):
        terms = {"Egress": [], "Ingress": []}
        for policy in group:
            end = "destination-address" if policy["direction"] == "Egress" else "source-address"
            ports.update(port for _, port in policy["ports"])
            terms[policy["direction"]].append(
                {
                    "name": policy["name"].replace("--", "."),
                    "comment": policy["why"] or policy["flow"],
                    "owner": policy["owner"],
                    end: network(policy["peer"]),
                    "destination-port": " ".join(sorted({f"PORT_{port}" for _, port in policy["ports"]})),
                    "protocol": " ".join(protocol.lower() for protocol, _ in policy["ports"]),
                    "action": "accept",
                }
            )
        filters = [
            {
                "header": {"comment": f"namespace {namespace}", "targets": {"k8s": direction.upper()}},
                "terms": [*allowed, {"name": f"{namespace}.{direction.lower()}.default-deny", "action": "deny"}],
            }
            for direction, allowed in terms.items()
        ]
        # JSON is YAML, and the reader of the standard library writes nothing else.
        (target / "pol" / f"{namespace}.yaml").write_text(json.dumps({"filters": filters}, indent=1))
    networks = {word: {"values": [{"address": address}]} for word, address in sorted(words)}
    services = {f"PORT_{port}": [{"protocol": p, "port": port} for p in ("tcp", "udp")] for port in sorted(ports)}
    definitions = {"networks": networks, "services": services}
    (target / "def" / "definitions.yaml").write_text(json.dumps(definitions, indent=1))


def for_analyzers(mesh, target):
    """A pod for each service, DNS and the scrapers, and their namespaces."""
    tiers, _ = tiers_and_policies(mesh)
    ends = [*tiers.values(), {**DNS, "name": "kube-dns"}, {**SCRAPERS, "name": "prometheus"}]

    def metadata(name, labels, **more):
        return {"name": name, "labels": labels, **more}

    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(name, {"kubernetes.io/metadata.name": name})}
        for name in sorted({end["namespace"] for end in ends})
    ]
    objects += [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata(end["name"], end["pods"], namespace=end["namespace"]),
            "spec": {"containers": [{"name": "c", "image": "c"}]},
        }
        for end in ends
    ]
    target.mkdir()
    (target / "cluster.yaml").write_text("---\n".join(json.dumps(one, indent=1) + "\n" for one in objects))
