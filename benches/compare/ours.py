"""What netpolc costs: beside plain tools that touch the same bytes, by size, by stage, and in instructions.

A cold build writes into a folder that is new; folders are removed at the end of all, never between runs.
"""

import itertools
import os
import re
import shutil
import subprocess

import measure
from report import Table, mib, seconds, times

ONE, ALL = "one dialect", "three dialects"
DIALECTS = {ONE: "kubernetes", ALL: "kubernetes,calico,cilium"}


class Project:
    """A mesh, its output in one dialect and in all, and copies of that."""

    def __init__(self, binary, mesh, edges, work):
        self.binary, self.mesh, self.edges, self.work = binary, mesh, edges, work
        self.numbers = itertools.count()
        self.built = {}

    @property
    def label(self):
        services = int(self.mesh.name.partition("-")[0])
        return f"{services:,}/{self.edges:,}"

    def fresh(self):
        """A folder with the mesh and no output."""
        folder = self.work / f"{self.mesh.name}-{next(self.numbers)}"
        shutil.copytree(self.mesh, folder)
        return folder

    def netpolc(self, dialects, *words):
        """A command about these dialects."""
        return [self.binary, *words, "--dialect", DIALECTS[dialects]]

    def intent(self):
        """One of the intents, from the folder of the project."""
        intents = sorted((self.mesh / "intents").iterdir())
        return intents[len(intents) // 2].relative_to(self.mesh)

    def cold(self, dialects):
        folder = self.fresh()
        run = measure.run(self.netpolc(dialects, "build"), folder)
        self.built.setdefault(dialects, folder)
        return run

    def copy(self, dialects):
        target = self.work / f"{self.mesh.name}-copy-{next(self.numbers)}"
        return measure.run(["cp", "-r", self.built[dialects] / "out", target], self.work)

    def output(self, dialects):
        """A folder with the output, never written to again."""
        if dialects not in self.built:
            self.cold(dialects)
        return self.built[dialects]

    def committed(self, dialects):
        """The same as a repository with everything committed."""
        folder = self.work / f"{self.mesh.name}-repository-{next(self.numbers)}"
        shutil.copytree(self.output(dialects), folder)
        author = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
        for words in (["init", "-q"], ["add", "--all", "--force"], [*author, "commit", "-q", "-m", "all"], ["status"]):
            subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
        return folder


def beside(projects, runs):
    """Ours beside what a plain tool takes for the same bytes, in turns."""
    table = Table(
        "Beside plain tools",
        ["step", "mesh", "netpolc", "plain tool", "by the clock", "by processor time", "bar", "within"],
    )
    cold_bars, check_bars, verify_bars = {ONE: 1.5, ALL: 3}, {ONE: 2.5, ALL: 2.5}, {ONE: 2, ALL: 2}
    for dialects, project in itertools.product((ONE, ALL), projects):
        project.output(dialects)
        pairs = [
            ("cold build", "`cp -r`", cold_bars[dialects], lambda: project.cold(dialects), lambda: project.copy(dialects))
        ]
        folder = project.output(dialects)
        copy = project.work / f"{project.mesh.name}-other-{next(project.numbers)}"
        shutil.copytree(folder / "out", copy)
        differ = lambda: measure.run(["diff", "-rq", folder / "out", copy], project.work)
        for words, bar in ((["build", "--check"], check_bars), (["verify"], verify_bars)):
            command = project.netpolc(dialects, *words)
            action = lambda command=command: measure.run(command, folder)
            pairs.append((f"`{' '.join(words)}`", "`diff -rq`", bar[dialects], action, differ))
        repository = project.committed(dialects)
        again = lambda: measure.run(project.netpolc(dialects, "build"), repository)
        status = lambda: measure.run(["git", "status", "--porcelain"], repository)
        pairs.append(("build without a change", "`git status`", 2, again, status))
        for name, tool, bar, action, other in pairs:
            ours, theirs = measure.in_turns(runs, action, other)
            wall, cpu = (measure.ratios(ours, theirs, what) for what in ("wall", "cpu"))
            within = [ratio.median <= bar for ratio in (wall, cpu)]
            verdict = "yes" if all(within) else "by the clock" if within[0] else "by processor time" if within[1] else "no"
            both = lambda some: f"{seconds(middle(some, 'wall'))}, {seconds(middle(some, 'cpu'))}"
            table.add(
                f"{name}, {dialects}", project.label, both(ours), f"{tool} {both(theirs)}", times(wall), times(cpu), f"{bar} ×", verdict
            )
    return table


def middle(runs, what):
    return measure.spread(getattr(run, what) for run in runs).median


STEPS = ["cold build, one dialect", "cold build, three dialects", "build without a change, three dialects"]
STEPS += ["`verify`, three dialects", "`check`", "build of one chosen intent, three dialects"]


def by_size(projects, runs, large):
    """Time and memory of each step on each mesh, and how both grow. A mesh that is large is asked once."""
    sizes = Table(
        "By size", ["step", "mesh", "by the clock", "processor time", "processor time an edge", "peak memory", "memory an edge", "bar of memory"]
    )
    growth = Table("Growth", ["step", "from", "to", "exponent of processor time", "bar", "exponent of memory", "memory for one edge more"])
    for name in STEPS:
        points = []
        for project in [*projects, *large]:
            [done] = measure.in_turns(1 if project in large else runs, lambda: step(name, project))
            wall, cpu, peak = (middle(done, what) for what in ("wall", "cpu", "peak"))
            points.append((project.edges, cpu, peak))
            bar = MEMORY_BARS.get(project.edges, "–") if name == STEPS[1] else "–"
            sizes.add(
                name, project.label, seconds(wall), seconds(cpu), f"{cpu / project.edges * 1e6:.0f} µs",
                mib(peak), f"{peak * 1024 / project.edges:.1f} KiB", bar,
            )
        cpu, memory = (measure.exponent([(point[0], point[at]) for point in points]) for at in (1, 2))
        (least, _, small), (most, _, high) = points[0], points[-1]
        more = f"{(high - small) * 1024 / (most - least):.2f} KiB"
        growth.add(name, projects[0].label, project.label, f"{cpu:.2f}", "1.05", f"{memory:.2f}", more)
    return [sizes, growth]


MEMORY_BARS = {60_000: "100 MiB", 600_000: "512 MiB"}


def step(name, project):
    if name == STEPS[0]:
        return project.cold(ONE)
    if name == STEPS[1]:
        return project.cold(ALL)
    return measure.run(command(name, project), project.output(ALL))


def command(name, project):
    """The command of a step, in a folder where all is built if it is no cold build."""
    if name == STEPS[4]:
        return [project.binary, "check"]
    words = {STEPS[3]: ["verify"], STEPS[5]: ["build", project.intent()]}
    return project.netpolc(ONE if name == STEPS[0] else ALL, *words.get(name, ["build"]))


STAGES = {
    "s01_parse": "parse the intents",
    "s02_model": "resolve them",
    "s03_checks": "rules",
    "s04_lower": "lower, and views",
    "s05_render": "render",
    "s06_read_back": "read the YAML back",
    "s07_prove": "prove",
    "s08_plan": "compare with the disk",
    "s09_write": "write everything",
}


def stages(bench, reason, work):
    """The stages of one dialect, from `benches/stages.rs`, on one thread: shares of the work and not of the waiting."""
    table = Table("Stages of a cold build, one dialect", ["stage", "mesh", "time", "share"])
    found = {}
    if bench:
        done = subprocess.run(
            [*bench, "stages::s0", "--sample-count", "3"], cwd=work, capture_output=True, text=True, env={**os.environ, **measure.ALONE}
        )
        if done.returncode != 0:
            raise measure.Failed(f"the stages were not measured:\n{done.stderr[-2000:]}")
        found = stage_times(done.stdout)
    mesh = max((mesh for mesh, _ in found), default=None)
    # A cold build compares with an empty disk.
    total = sum(found[mesh, stage] for stage in STAGES if stage != "s08_plan") if found else 0
    for stage, name in STAGES.items():
        if not found:
            table.skip(name, reason)
            continue
        time = found[mesh, stage]
        share = "–" if stage == "s08_plan" else f"{100 * time / total:.0f} %"
        table.add(name, f"{mesh[0]:,}/{mesh[1]:,}", seconds(time), share)
    return table


UNITS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1}


def stage_times(text):
    """Medians of divan's table, by mesh (services, edges) and stage."""
    found, stage = {}, None
    for line in text.splitlines():
        if match := re.search(r"(s\d\d_\w+)", line):
            stage = match[1]
        if match := re.search(r"(\d+) services, (\d+) edges\s+(.*)", line):
            # fastest │ slowest │ median │ mean │ samples │ iters
            value, unit = match[3].split("│")[2].split()
            found[(int(match[1]), int(match[2])), stage] = float(value) * UNITS[unit]
    return found


def instructions(project, skipped):
    """Instructions of one run: the figure that does not depend on what else the machine does."""
    table = Table("Instructions, on one thread", ["step", "mesh", "counter", "instructions", "instructions an edge"])
    name, count = (None, skipped) if skipped else measure.counter()
    for words in STEPS:
        if not name:
            table.skip(words, count)
            continue
        fresh = words in STEPS[:2]
        folder = project.fresh() if fresh else project.output(ALL)
        number = count(command(words, project), folder)
        table.add(words, project.label, name, f"{number / 1e6:,.0f} million", f"{number / project.edges:,.0f}")
    return table
