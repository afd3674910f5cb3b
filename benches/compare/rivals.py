"""What other tools make of the same mesh.

In: a mesh that netpolc built. Out: how long each of them takes for its job, beside netpolc for the same. What may never happen: a
tool measured while it does something else than is said: what Jinja2 renders is read back and must be what netpolc says, the
others must name every policy or pod.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# An environment each: the analyzer pins what it depends on.
PACKAGES = {
    "writers": ["Jinja2==3.1.6", "aerleon==1.18.0", "PyYAML==6.0.3"],
    "analyzer": ["network-config-analyzer==2.1.0"],
}


def find(folder, install):
    """Puts what is below a folder on the path, and installs it there if that is asked for."""
    for name, packages in PACKAGES.items():
        place = folder / name
        if install:
            if not (place / "bin/pip").exists():
                subprocess.run([sys.executable, "-m", "venv", place], check=True)
            pip = [place / "bin/pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, *packages], check=True)
        os.environ["PATH"] = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"


def interpreter():
    """A Python with Jinja2 and PyYAML, or nothing."""
    for folder in os.environ["PATH"].split(os.pathsep):
        python = shutil.which("python3", path=folder)
        if python and subprocess.run([python, "-c", "import jinja2, yaml"], capture_output=True).returncode == 0:
            return python
    return None


def policies(tree, python):
    """The NetworkPolicies of a built mesh by the path of their file, read by PyYAML."""
    read = """
import json, pathlib, sys, yaml
loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
root = pathlib.Path(sys.argv[1])
out = {}
for path in sorted(root.rglob("*.yaml")):
    found = [document for document in yaml.load_all(path.read_text(), loader) if document and document["kind"] == "NetworkPolicy"]
    if found:
        out[str(path.relative_to(root))] = found
json.dump(out, sys.stdout)
"""
    return subprocess.run([python, "-c", read, tree], check=True, capture_output=True, text=True).stdout


def measure(bench, small, described, run, patience):
    """A row for each tool."""
    python = interpreter()
    rows = []
    jobs = [("Jinja2", jinja2, described), ("Aerleon", aerleon, described), ("network-config-analyzer", analyzer, small)]
    for name, job, size in jobs:
        prepared = job(bench, size, python)
        if isinstance(prepared, str):
            rows.append({"row": name, "skipped": prepared})
            continue
        what, command, ours, check = prepared
        taken = run(*command, limit=patience)
        if not taken.late:
            check(taken)
        mine = [run(*ours()) for _ in range(bench.runs)]
        middle = lambda of: sorted(getattr(one, of) for one in mine)[len(mine) // 2]
        rows.append({"row": name, "services": size[0], "job": what, "late": taken.late, "wall": taken.wall, "cpu": taken.cpu,
                     "memory": taken.memory, "ours": " ".join(["netpolc", *ours()[0][1:]]), "our_wall": middle("wall"), "our_cpu": middle("cpu")})
    return rows


def first_build(bench, size):
    return lambda: ([bench.binary, "build"], bench.project(size, "one dialect"))


def jinja2(bench, size, python):
    """The same policies, from a template that is given all that they hold."""
    if not python:
        return "Python has no jinja2 and yaml here"
    tree = bench.tree(size, "one dialect") / "out/kubernetes"
    given, out = bench.fresh("policies.json"), bench.fresh("jinja2")
    given.write_text(policies(tree, python))

    def check(_):
        if json.loads(policies(out, python)) != json.loads(given.read_text()):
            raise SystemExit("Jinja2 rendered other policies than netpolc")

    what = "writes the same NetworkPolicies; nothing is checked or proved"
    return what, ([python, HERE / "jinja.py", given, out], bench.place), first_build(bench, size), check


def aerleon(bench, size, python):
    """A policy for each edge and end. Its generator for Kubernetes knows addresses and no labels (`aerleon/lib/k8s.py`:
    `podSelector: {}`, peers are an `ipBlock`), so each service is an address."""
    if not shutil.which("aclgen"):
        return "there is no aclgen"
    if not python:
        return "Python has no yaml here"
    given = json.loads(policies(bench.tree(size, "one dialect") / "out/kubernetes", python))
    place, out = bench.fresh("aerleon"), bench.fresh("aerleon-out")
    for folder in (place / "def", place / "policies/pol", out):
        folder.mkdir(parents=True)
    names, ports, count = {}, set(), 0

    def network(peer):
        key = json.dumps(peer, sort_keys=True)
        return names.setdefault(key, f"N{len(names)}")

    for path, found in given.items():
        terms = {"INGRESS": [], "EGRESS": []}
        for policy in found:
            for direction, peers, address in [("INGRESS", "from", "source-address"), ("EGRESS", "to", "destination-address")]:
                for number, rule in enumerate(policy["spec"].get(direction.lower()) or []):
                    used = [port["port"] for port in rule.get("ports", []) if isinstance(port["port"], int)]
                    ports.update(used)
                    terms[direction].append({
                        "name": f"{policy['metadata']['name']}-{number}".lower()[:200],
                        "comment": json.dumps(policy["metadata"].get("annotations", {}))[:200],
                        address: " ".join(network(peer) for peer in rule[peers]),
                        "destination-port": " ".join(f"P{port}" for port in used),
                        "protocol": "tcp", "action": "accept",
                    })
                    count += 1
        filters = [{"header": {"targets": {"k8s": direction}}, "terms": several} for direction, several in terms.items() if several]
        if filters:
            file = place / "policies/pol" / (path.replace("/", "-"))
            # JSON is YAML.
            file.write_text(json.dumps({"filename": file.stem, "filters": filters}))
    # An address each; what they are does not change what is to be written.
    networks = {name: {"values": [{"address": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}/32"}]} for n, name in enumerate(names.values())}
    (place / "def/networks.yaml").write_text(json.dumps({"networks": networks}))
    services = {f"P{port}": [{"protocol": "tcp", "port": port}] for port in sorted(ports)}
    (place / "def/services.yaml").write_text(json.dumps({"services": services}))
    command = ["aclgen", "--base_directory", place / "policies", "--definitions_directory", place / "def", "--output_directory", out]

    def check(run):
        made = sum(path.read_text().count("kind: NetworkPolicy\n") for path in out.rglob("*.yml"))
        if made != count:
            raise SystemExit(f"Aerleon wrote {made} policies of {count}:\n{run.output[-2000:]}")

    what = "writes a NetworkPolicy of addresses for each rule: it knows no labels; nothing is proved"
    return what, (command, place), first_build(bench, size), check


def analyzer(bench, size, python):
    """Who may connect to whom, computed from the policies that netpolc wrote."""
    if not shutil.which("nca"):
        return "there is no nca"
    if not python:
        return "Python has no yaml here"
    tree = bench.tree(size, "one dialect")
    given = json.loads(policies(tree / "out/kubernetes", python))
    place = bench.fresh("analyzer")
    place.mkdir()
    pods, namespaces = [], set()
    for found in given.values():
        for policy in found:
            labels = policy["spec"]["podSelector"].get("matchLabels", {})
            namespace = policy["metadata"]["namespace"]
            namespaces.add(namespace)
            if "app" in labels and (namespace, labels["app"]) not in pods:
                pods.append((namespace, labels["app"]))
    objects = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}}
               for name in sorted(namespaces)]
    objects += [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": app, "namespace": namespace, "labels": {"app": app}},
                 "spec": {"containers": [{"name": "main", "image": "main"}]},
                 "status": {"podIP": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"}} for n, (namespace, app) in enumerate(pods)]
    (place / "cluster.yaml").write_text("".join(f"---\n{json.dumps(thing)}\n" for thing in objects))
    (place / "policies.yaml").write_text("".join(f"---\n{json.dumps(policy)}\n" for found in given.values() for policy in found))
    scheme = {"networkConfigList": [{"name": "mesh", "resourceList": ["cluster.yaml", "policies.yaml"]}],
              "queries": [{"name": "map", "connectivityMap": ["mesh"], "outputConfiguration": {"outputFormat": "txt_no_fw_rules"}}]}
    (place / "scheme.yaml").write_text(json.dumps(scheme))

    def check(run):
        # Sources and targets alike: a mesh leaves no service alone.
        missing = [app for _, app in pods if app not in run.output]
        if missing:
            raise SystemExit(f"the analyzer says nothing of {missing[:5]}:\n{run.output[-2000:]}")

    what = "computes who may connect to whom; nothing is held against it"
    return what, (["nca", "--scheme", place / "scheme.yaml"], place), lambda: ([bench.binary, "verify"], tree), check
