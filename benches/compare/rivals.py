"""What people use today for the same job, on the same mesh, beside netpolc.

Each rival gets the mesh in its own words; making these is not timed. Two jobs:

- policies from a description. Jinja2 gets a plain template and all references resolved, and proves nothing; that it writes the
  same is proved by `netpolc verify`. Aerleon (https://aerleon.readthedocs.io/en/latest/user/generators/k8s/) describes ends by
  addresses and selects all pods of a namespace: it has no selectors, so what it writes is as many policies with as many rules,
  and they say less.
- what policies allow between all pods. network-config-analyzer (https://github.com/np-guard/network-config-analyzer) reads the
  policies that netpolc wrote, and a pod for each service; so does `netpolc eval`. It prints a map of connections, netpolc every
  verdict; both have looked at every pair of pods.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import measure
import mesh as translate
from ours import ONE, middle
from report import Table, mib, seconds, times

HERE = Path(__file__).resolve().parent
# The newest of each on PyPI.
JINJA, AERLEON, ANALYZER = "Jinja2==3.1.6", "aerleon==1.18.0", "network-config-analyzer==2.1.0"


@dataclass
class Rival:
    name: str
    package: str
    job: str
    # Which meshes it gets, from the smallest on, and how often.
    meshes: slice
    runs: int
    # What its package brings into `bin/`; None for a library, which its Python has to know.
    command: str
    module: str
    # From (executable, project, folder) to what is run and how its result is looked at.
    prepare: object
    # What netpolc does meanwhile.
    ours: object


def jinja(python, project, folder):
    measure.apart(translate.for_jinja, project.mesh, folder / "input")
    count = iter(range(1000))

    def once(limit):
        output = folder / f"out-{next(count)}"
        words = [python, HERE / "render.py", folder / "input" / "edges.json", HERE / "policies.yaml.j2", output]
        done = measure.run(words, folder, limit)
        if output.name == "out-0":
            measure.run([*project.netpolc(ONE, "verify"), output], project.mesh)
        return done

    return once


def aerleon(command, project, folder):
    measure.apart(translate.for_aerleon, project.mesh, folder / "input")
    count = iter(range(1000))

    def once(limit):
        output = folder / f"out-{next(count)}"
        output.mkdir()
        source = folder / "input"
        words = [command, "--base_directory", source, "--definitions_directory", source / "def", "--output_directory", output]
        done = measure.run(words, folder, limit)
        # It ends well even where it found nothing to do.
        if len(list(output.glob("*.yml"))) != len(list((source / "pol").glob("*.yaml"))):
            raise measure.Failed("Aerleon did not write a file for each namespace")
        return done

    return once


def analyzer(command, project, folder):
    measure.apart(translate.for_analyzers, project.mesh, folder / "input")
    policies = project.output(ONE) / "out" / "kubernetes"

    def once(limit):
        words = [command, "--connectivity", "-r", folder / "input" / "cluster.yaml", "-r", policies]
        output = folder / "map.txt"
        done = measure.run([*words, "--output_format", "txt_no_fw_rules", "--file_out", output], folder, limit)
        if " => " not in output.read_text():
            raise measure.Failed("the analyzer found no connection")
        return done

    return once


def build(project, folder):
    return project.cold(ONE)


def evaluate(project, folder):
    policies = project.output(ONE) / "out" / "kubernetes"
    words = [project.binary, "eval", folder / "input" / "cluster.yaml", policies, "--format", "json"]
    return measure.run(words, folder)


RENDER, ANALYSE = "policies of one dialect", "what policies allow between all pods"
RIVALS = [
    Rival("Jinja2", JINJA, RENDER, slice(2, 4), 3, None, "jinja2", jinja, build),
    Rival("Aerleon", AERLEON, RENDER, slice(1, 3), 2, "aclgen", None, aerleon, build),
    Rival("network-config-analyzer", ANALYZER, ANALYSE, slice(0, 2), 1, "nca", None, analyzer, evaluate),
]


def executable(rival, environments, install):
    """What runs a rival: from an environment of its own, or what is installed already. Else the reason why not."""
    if install:
        folder = environments / rival.package.replace("==", "-").lower()
        bin = folder / "bin"
        if not (folder / "complete").exists():
            pip = [bin / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", rival.package]
            for words in ([sys.executable, "-m", "venv", "--clear", folder], pip):
                done = subprocess.run(words, capture_output=True, text=True)
                if done.returncode != 0:
                    return None, f"{rival.package} could not be installed"
            (folder / "complete").touch()
        return bin / (rival.command or "python"), None
    if rival.command:
        found = shutil.which(rival.command)
    else:
        known = subprocess.run([sys.executable, "-c", f"import {rival.module}"], capture_output=True).returncode == 0
        found = sys.executable if known else None
    return (Path(found), None) if found else (None, "not installed")


def compare(projects, environments, work, runs, limit, install):
    """Each rival beside netpolc, in turns."""
    table = Table(
        "Beside other tools",
        ["tool", "job", "mesh", "its time", "its peak memory", "netpolc", "by the clock", "by processor time"],
    )
    for rival in RIVALS:
        command, reason = executable(rival, environments, install)
        if not command:
            table.skip(rival.name, reason)
            continue
        for project in projects[rival.meshes] or projects[:1]:
            folder = work / f"{rival.name}-{project.mesh.name}"
            folder.mkdir()
            once = rival.prepare(command, project, folder)
            about = [rival.name, rival.job, project.label]
            ours = lambda: rival.ours(project, folder)
            both = lambda some: f"{seconds(middle(some, 'wall'))}, {seconds(middle(some, 'cpu'))}"
            try:
                theirs, own = measure.in_turns(min(runs, rival.runs), lambda: once(limit), ours)
            except measure.TooLong as stopped:
                [own] = measure.in_turns(runs, ours)
                more = f"more than {limit / middle(own, 'wall'):,.0f} ×"
                table.add(*about, str(stopped), "–", both(own), more, "–")
                continue
            wall, cpu = (measure.ratios(theirs, own, what) for what in ("wall", "cpu"))
            table.add(*about, both(theirs), mib(middle(theirs, "peak")), both(own), times(wall), times(cpu))
    return table
