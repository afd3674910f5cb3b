"""Measures netpolc, and writes every figure of docs/performance.md: `python3 benches/compare --write docs/performance.md`.

In: this repository (or a binary that is given), and PyPI for the rivals. Out: tables on standard output, with `--json` as JSON
too, with `--write` between the markers of a page. Nothing outside `target/compare` (or `--work`) is written beside those.

Python, because the rivals are Python and their environments are made by it, and because what is measured are programs: nothing of
the project is linked here. It needs Python 3.11 (for its TOML parser) and git, and nothing else that is not a part of Linux.
"""

import argparse
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

import measure
import ours
import report
import rivals

ROOT = Path(__file__).resolve().parents[2]
SIZES = [(100, 600), (300, 1_800), (1_500, 9_300), (10_000, 60_000)]
LARGE = (100_000, 600_000)
TINY = [(12, 30), (24, 60)]


def arguments():
    parser = argparse.ArgumentParser(prog="benches/compare", description="Measures netpolc beside plain tools and its rivals.")
    parser.add_argument("--write", metavar="PAGE", help="write the tables between the markers of this page")
    parser.add_argument("--json", metavar="FILE", help="write them as JSON too")
    parser.add_argument("--large", action="store_true", help="also 100,000 services with 600,000 edges, once; needs 15 GB of disk")
    parser.add_argument("--small", action="store_true", help="without the mesh of 10,000 services: a first look, in a third of the time")
    parser.add_argument("--runs", type=int, default=5, help="runs of each step (default: 5)")
    parser.add_argument("--limit", type=float, default=300, help="seconds after which a rival is stopped (default: 300)")
    parser.add_argument("--smoke", action="store_true", help="tiny meshes, one run, nothing built or installed: does it work at all")
    parser.add_argument("--binary", type=Path, help="netpolc, instead of building it")
    parser.add_argument("--mesh", type=Path, help="the generator of meshes (examples/mesh.rs), instead of building it")
    parser.add_argument("--meshes", type=Path, help="meshes made before, in folders SERVICES-EDGES")
    parser.add_argument("--bench", type=Path, help="the benchmark of stages, instead of building it")
    parser.add_argument("--no-stages", action="store_true", help="leave the stages out, which take a build of their own")
    parser.add_argument("--work", type=Path, default=ROOT / "target" / "compare", help="where to work (default: target/compare)")
    return parser.parse_args()


def cargo(*words):
    """Runs cargo, and lets people see what it does."""
    subprocess.run(["cargo", *words, "--locked"], cwd=ROOT, check=True)


def generator(options):
    """How a mesh is made: a function from its size and the folder where it shall be."""
    if options.meshes:
        return lambda services, edges, folder: shutil.copytree(options.meshes / f"{services}-{edges}", folder)
    if not options.mesh:
        cargo("build", "--release", "--example", "mesh")
    program = options.mesh or ROOT / "target" / "release" / "examples" / "mesh"
    return lambda services, edges, folder: subprocess.run([program, folder, str(services), str(edges)], check=True)


def main():
    options = arguments()
    if options.smoke and not (options.binary and (options.mesh or options.meshes)):
        raise SystemExit("--smoke builds nothing: name --binary, and --mesh or --meshes")
    if not options.binary:
        cargo("build", "--release")
    binary = (options.binary or ROOT / "target" / "release" / "netpolc").resolve()
    make = generator(options)
    bench, no_stages = None, "not measured: --no-stages" if options.no_stages else "not measured: --smoke builds nothing"
    if options.bench:
        bench = [options.bench.resolve(), "--bench"]
    elif not options.smoke and not options.no_stages:
        cargo("bench", "--bench", "stages", "--no-run")
        bench = ["cargo", "bench", "--quiet", "--locked", "--manifest-path", ROOT / "Cargo.toml", "--bench", "stages", "--"]
    # Being told to stop, as by Ctrl-C, must not leave gigabytes behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options.work.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="run-", dir=options.work.resolve()))
    try:
        tables = measured(options, binary, make, bench, no_stages, work)
    finally:
        shutil.rmtree(work)
    # Where somebody keeps the JSON is no part of how it was measured.
    words = [word for before, word in zip(sys.argv, sys.argv[1:]) if "--json" not in (before, word)]
    command = shlex.join(["python3", "benches/compare", *words])
    about = (command, measure.machine(options.work), tables)
    print(report.document(*about))
    if options.json:
        Path(options.json).write_text(report.as_json(*about))
    if options.write:
        report.write_between_markers(options.write, report.document(*about))


def measured(options, binary, make, bench, no_stages, work):
    sizes = TINY if options.smoke else SIZES[:-1] if options.small else SIZES
    runs = 1 if options.smoke else options.runs

    def project(services, edges):
        mesh = work / f"{services}-{edges}"
        make(services, edges, mesh)
        return ours.Project(binary, mesh, edges, work)

    projects = [project(*size) for size in sizes]
    say("beside plain tools")
    # The smallest meshes are over before anything can be measured.
    beside = ours.beside(projects[-2:], runs)
    say("by size")
    large = [project(*LARGE)] if options.large else []
    by_size = ours.by_size(projects[-2:], runs, large)
    say("instructions")
    skipped = "not counted: --smoke" if options.smoke else None
    counted = ours.instructions(projects[1], skipped)
    say("stages")
    stages = ours.stages(bench, no_stages, work)
    say("other tools")
    install = not options.smoke
    environments = options.work.resolve() / "rivals"
    others = rivals.compare(projects, environments, work, runs, options.limit, install)
    return [beside, *by_size, stages, counted, others]


def say(what):
    print(f"== {what}", file=sys.stderr, flush=True)


main()
