#!/usr/bin/env python3
"""Every figure of docs/performance.md, from one run: `python3 benches/compare/compare.py --write docs/performance.md`.

In: the release binary and generated meshes (`cargo run --release --example mesh`). Out: tables on standard output, with
`--json` also as JSON, with `--write` between the marks of a page. What may never happen: a figure beside another one that
was measured at another time. A ratio is that of two commands that ran in turn; each writes to a folder of its own that
nothing was deleted from. Other tools are asked to do the same job on the same mesh, as far as they can; what they are
given is written before their time begins, and what they made is compared with ours.

It is Python because three of the others are; it needs nothing beside its standard library, cargo, git, cp and diff. The
others come from PyPI, with the versions below, into a folder of their own below target/.
"""

import argparse
import json
import math
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import rivals

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"
DIALECTS = {"one dialect": '["kubernetes"]', "three dialects": '["kubernetes", "calico", "cilium"]'}
# Time that another tool gets for one run.
PATIENCE = 600


def sizes(arguments):
    """Services and edges: the largest mesh that is publicly described, and what is beyond."""
    if arguments.smoke:
        return [(20, 60), (40, 120)]
    return [(300, 1_800), (1_500, 9_300), (10_000, 60_000)] + ([(100_000, 600_000)] if arguments.large else [])


class Run:
    """What one process took."""

    def __init__(self, command, cwd, limit=None, accept=(0,)):
        # Files: a pipe that fills up would hold the process.
        with tempfile.TemporaryFile() as out:
            begin = time.perf_counter()
            process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            self.late = False
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG if limit else 0)
                if pid:
                    break
                if time.perf_counter() - begin > limit:
                    process.kill()
                    _, status, usage = os.wait4(process.pid, 0)
                    self.late = True
                    break
                time.sleep(0.005)
            self.wall = time.perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            self.output = out.read().decode(errors="replace")
        self.cpu = usage.ru_utime + usage.ru_stime
        # Linux counts KiB, macOS bytes.
        self.memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        if not self.late and process.returncode not in accept:
            raise SystemExit(f"{command} ended with {process.returncode}:\n{self.output[-2000:]}")


def middle(runs, of):
    return statistics.median(getattr(run, of) for run in runs)


class Bench:
    """Meshes in fresh folders, and what was measured on them."""

    def __init__(self, arguments):
        self.runs = 1 if arguments.smoke else arguments.runs
        self.binary, self.mesh = arguments.binary, arguments.mesh
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="netpolc-compare-", dir=arguments.folder))
        self.number = 0
        self.built = {}

    def fresh(self, name):
        self.number += 1
        return self.place / f"{self.number:03}-{name}"

    def project(self, size, dialects):
        """A project that was not built yet."""
        folder = self.fresh(f"{size[0]}")
        folder.mkdir()
        subprocess.run([self.mesh, folder, str(size[0]), str(size[1])], check=True, stdout=subprocess.DEVNULL)
        settings = folder / "netpolc.toml"
        settings.write_text(f"dialects = {DIALECTS[dialects]}\n\n{settings.read_text()}")
        return folder

    def tree(self, size, dialects):
        """A project that was built, once for all who only read it."""
        key = (size, dialects)
        if key not in self.built:
            self.built[key] = self.project(size, dialects)
            Run([self.binary, "build"], self.built[key])
        return self.built[key]

    def beside(self, ours, yardstick):
        """Two commands in turn. Each is a function that prepares, and gives a command and its folder."""
        pairs = [(Run(*ours()), Run(*yardstick())) for _ in range(self.runs)]
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def yardsticks(bench, size):
    """What a netpolc command takes beside the tool of the system that moves the same bytes."""
    rows = []

    def add(row, bar, ours, yardstick, tool):
        mine, theirs = bench.beside(ours, yardstick)
        rows.append({
            "row": row, "yardstick": tool, "bar": bar, "ratio": middle(mine, "wall") / middle(theirs, "wall"),
            "spread": [min(a.wall / b.wall for a, b in zip(mine, theirs)), max(a.wall / b.wall for a, b in zip(mine, theirs))],
            "wall": middle(mine, "wall"), "cpu": middle(mine, "cpu"), "memory": middle(mine, "memory"),
            "yardstick_wall": middle(theirs, "wall"),
        })

    for dialects, cold, check, verify in [("one dialect", 1.5, 1.3, 2), ("three dialects", 3, 2.5, 6)]:
        tree = bench.tree(size, dialects)
        copy = bench.fresh("copy")
        shutil.copytree(tree / "out", copy)
        netpolc = lambda *words, where=tree: lambda: ([bench.binary, *words], where)
        diff = lambda: (["diff", "-rq", copy, tree / "out"], tree)
        add(f"first `build`, {dialects}", cold, lambda: ([bench.binary, "build"], bench.project(size, dialects)),
            lambda: (["cp", "-r", tree / "out", bench.fresh("cp")], tree), "`cp -r`")
        add(f"`build --check`, {dialects}", check, netpolc("build", "--check"), diff, "`diff -rq`")
        add(f"`verify`, {dialects}", verify, netpolc("verify"), diff, "`diff -rq`")
        repository = bench.project(size, dialects)
        Run([bench.binary, "build"], repository)
        git = ["git", "-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgsign=false"]
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "built"], ["status", "--porcelain"]):
            Run([*git, *words], repository)
        add(f"`build` with nothing to do, {dialects}", 2, netpolc("build", where=repository),
            lambda: (["git", "status", "--porcelain"], repository), "`git status`")
    return rows


def growth(bench, all_sizes):
    """How CPU time and memory grow with the mesh."""
    commands = [("first `build`, three dialects", ["build"]), ("`check`", ["check"])]
    rows = []
    for size in all_sizes:
        for name, words in commands:
            # The first build of the largest mesh writes gigabytes.
            runs = 1 if size[0] >= 100_000 else bench.runs
            taken = [Run([bench.binary, *words], bench.project(size, "three dialects")) for _ in range(runs)]
            rows.append({"row": name, "services": size[0], "edges": size[1], "wall": middle(taken, "wall"),
                         "cpu": middle(taken, "cpu"), "memory": middle(taken, "memory")})
    for name, _ in commands:
        mine = [row for row in rows if row["row"] == name]
        for before, row in zip(mine, mine[1:]):
            row["exponent"] = math.log(row["cpu"] / max(before["cpu"], 1e-3)) / math.log(row["edges"] / before["edges"])
    return rows


def instructions(bench, size):
    """Instructions, which other work on the machine does not change."""
    if not shutil.which("valgrind"):
        return {"skipped": "valgrind is not here"}
    folder = bench.project(size, "three dialects")
    run = Run(["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", bench.binary, "build"], folder)
    counted = [line for line in run.output.splitlines() if "I refs" in line or "I   refs" in line]
    return {"services": size[0], "build": int(counted[-1].split(":")[1].strip().replace(",", ""))}


def stages(size):
    """What each stage takes by itself: the medians of `cargo bench --bench stages`."""
    text = Run(["cargo", "bench", "--locked", "--bench", "stages", "--", "s0"], ROOT).output
    units = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1}
    taken, name = {}, None
    for line in text.splitlines():
        if found := re.search(r"[├╰]─ s\d\d_(\w+)", line):
            name = found[1].replace("_", " ")
        elif name and f"{size[0]} services" in line:
            # fastest, slowest, median, mean, samples, iterations; the tree before them has bars too.
            number, unit = line.split("│")[-4].split()
            taken[name] = float(number) * units[unit]
    if not taken:
        raise SystemExit(f"no stages in:\n{text[-2000:]}")
    return taken


def machine(bench):
    model = platform.processor() or platform.machine()
    if pathlib.Path("/proc/cpuinfo").exists():
        names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
        model = names[0] if names else model
    kind = subprocess.run(["stat", "-f", "-c", "%T", bench.place], capture_output=True, text=True).stdout.strip()
    return f"{os.cpu_count()} cores of {model}, {platform.system()} {platform.release()}, files on {kind or 'an unknown file system'}"


def mib(size):
    return f"{size / 2**20:.0f} MiB"


def seconds(number):
    return f"{number:.2f} s" if number < 10 else f"{number:.0f} s"


def markdown(figures):
    out = [f"Measured on {figures['machine']}; each figure is the median of {figures['runs']} runs.", ""]
    size = figures["size"]
    out += [f"### Beside the tools of the system: {size[0]:,} services, {size[1]:,} edges", "",
            "| command | takes | yardstick | ratio (least to most) | bar | CPU | memory |", "|---|---|---|---|---|---|---|"]
    for row in figures["yardsticks"]:
        out.append(f"| {row['row']} | {seconds(row['wall'])} | {row['yardstick']} {seconds(row['yardstick_wall'])} | "
                   f"**{row['ratio']:.1f}** ({row['spread'][0]:.1f} to {row['spread'][1]:.1f}) | {row['bar']} | {seconds(row['cpu'])} | {mib(row['memory'])} |")
    out += ["", "### Growth", "", "| command | services | edges | takes | CPU | exponent of CPU by edges | memory | memory per edge |", "|---|---|---|---|---|---|---|---|"]
    for row in figures["growth"]:
        exponent = f"{row['exponent']:.2f}" if "exponent" in row else ""
        out.append(f"| {row['row']} | {row['services']:,} | {row['edges']:,} | {seconds(row['wall'])} | {seconds(row['cpu'])} | {exponent} | "
                   f"{mib(row['memory'])} | {row['memory'] / row['edges'] / 1024:.1f} KiB |")
    if figures["stages"]:
        whole = sum(figures["stages"].values())
        out += ["", f"### Stages: {size[0]:,} services", "", "| stage | takes | share |", "|---|---|---|"]
        out += [f"| {name} | {seconds(taken)} | {taken / whole:.0%} |" for name, taken in figures["stages"].items()]
    counted = figures["instructions"]
    if "skipped" not in counted:
        out += ["", f"A first `build` of three dialects of the mesh of {counted['services']:,} services executes {counted['build'] / 1e9:.1f} thousand million instructions."]
    out += ["", "### Other tools", "", "| tool | mesh | job | takes | CPU | netpolc, the same mesh | ratio |", "|---|---|---|---|---|---|---|"]
    for row in figures["rivals"]:
        if "skipped" in row:
            out.append(f"| {row['row']} | | | skipped: {row['skipped']} | | | |")
            continue
        more = "more than " if row["late"] else ""
        out.append(f"| {row['row']} | {row['services']:,} services | {row['job']} | {more}{seconds(row['wall'])} | {seconds(row['cpu'])} | "
                   f"`{row['ours']}` {seconds(row['our_wall'])} | {more}{row['wall'] / row['our_wall']:.0f} |")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description="Measures netpolc beside other tools.")
    parser.add_argument("--smoke", action="store_true", help="tiny meshes, each command once, nothing installed: does it still work?")
    parser.add_argument("--large", action="store_true", help="100,000 services too: some gigabytes")
    parser.add_argument("--runs", type=int, default=5, help="how often each command runs (default: 5)")
    parser.add_argument("--binary", help="netpolc; without it `cargo build --release` makes it")
    parser.add_argument("--mesh", help="the generator of meshes; likewise")
    parser.add_argument("--folder", help="where meshes are made; some gigabytes")
    parser.add_argument("--json", help="a file for the figures")
    parser.add_argument("--write", help="a page that gets the tables between its marks")
    parser.add_argument("--keep", action="store_true", help="leave the meshes where they are")
    arguments = parser.parse_args()
    if not arguments.binary or not arguments.mesh:
        subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "netpolc", "--example", "mesh"], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    arguments.binary = os.path.abspath(arguments.binary or target / "release/netpolc")
    arguments.mesh = os.path.abspath(arguments.mesh or target / "release/examples/mesh")

    bench = Bench(arguments)
    try:
        all_sizes = sizes(arguments)
        small, described = all_sizes[0], all_sizes[1]
        measured = all_sizes[min(2, len(all_sizes) - 1)]
        rivals.find(target / "compare", install=not arguments.smoke)
        figures = {"machine": machine(bench), "runs": bench.runs, "size": measured}
        figures["rivals"] = rivals.measure(bench, small, described, Run, PATIENCE)
        figures["yardsticks"] = yardsticks(bench, measured)
        figures["growth"] = growth(bench, all_sizes)
        figures["instructions"] = instructions(bench, small)
        figures["stages"] = {} if arguments.smoke else stages(measured)
    finally:
        if arguments.keep:
            print(f"meshes: {bench.place}", file=sys.stderr)
        else:
            shutil.rmtree(bench.place)
    text = markdown(figures)
    print(text)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(figures, indent=1) + "\n")
    if arguments.write:
        page = pathlib.Path(arguments.write)
        before, _, rest = page.read_text().partition(BEGIN)
        _, found, after = rest.partition(END)
        if not found:
            raise SystemExit(f"{page} has no marks {BEGIN} and {END}")
        page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
