"""Runs commands and counts what they cost.

In: a command and a folder. Out: seconds by the clock, seconds of all processors, most memory held at once. Two commands that
are compared run in turns, so that whatever else the machine does meets both. What a command does not do as expected is an error:
a fast failure would be a fine figure.
"""

import math
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path


class Failed(Exception):
    """A command that did not do its work."""


class TooLong(Exception):
    """A command that was stopped."""


@dataclass
class Run:
    """What one run cost: `wall` and `cpu` in seconds, `peak` in MiB."""

    wall: float
    cpu: float
    peak: float


def run(command, folder, limit=None):
    """Runs a command to its end. `peak` is that of the largest process below it, and never less than this script's own few MiB:
    Linux counts from before the program was started."""
    # What was written before shall not be written out at the cost of this one.
    os.sync()
    stopped = threading.Event()
    with tempfile.TemporaryFile() as stderr:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )

        def stop():
            stopped.set()
            os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(limit, stop) if limit else None
        if timer:
            timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            # Who stops the script stops what it runs, in whatever session that is.
            os.killpg(process.pid, signal.SIGKILL)
            raise
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if timer:
            timer.cancel()
        stderr.seek(0)
        said = stderr.read().decode(errors="replace")
    if stopped.is_set():
        raise TooLong(f"more than {limit:g} s")
    if process.returncode != 0:
        words = " ".join(str(word) for word in command)
        raise Failed(f"`{words}` ended with {process.returncode}:\n{said[-2000:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def in_turns(runs, *actions):
    """The runs of each action: first one of each, then another of each, and so on."""
    done = [[] for _ in actions]
    for _ in range(runs):
        for action, into in zip(actions, done):
            into.append(action())
    return done


def apart(function, *arguments):
    """Calls a function in a process of its own, so that this one stays small: its size shows in `peak`."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            function(*arguments)
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(process, 0)
    if status:
        raise Failed(f"{function.__name__} failed")


@dataclass
class Spread:
    """The middle of some values, the least and the most."""

    median: float
    least: float
    most: float


def spread(values):
    values = list(values)
    return Spread(statistics.median(values), min(values), max(values))


def ratios(ours, theirs, what):
    """Each run of ours over the run of theirs that was its neighbour."""
    return spread(getattr(a, what) / max(getattr(b, what), 1e-3) for a, b in zip(ours, theirs))


def exponent(points):
    """How cost grows with size: the slope of a line through the logarithms (least squares)."""
    logs = [(math.log(size), math.log(max(cost, 1e-3))) for size, cost in points]
    mean_x, mean_y = (statistics.mean(column) for column in zip(*logs))
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs)


def counter():
    """What counts instructions here: its name, and a function from (command, folder) to their number; or the reason why not."""
    if shutil.which("perf"):
        probe = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", "true"], capture_output=True, text=True)
        if re.search(r"^\d+,", probe.stderr, re.MULTILINE):
            return "perf", count_by_perf
    if shutil.which("valgrind"):
        return "valgrind", count_by_valgrind
    return None, "no hardware counters for perf here, and no valgrind"


# One thread: a thread that waits for work spins, and would be counted.
ALONE = {"RAYON_NUM_THREADS": "1"}


def count_by_perf(command, folder):
    return counted(["perf", "stat", "-x,", "-e", "instructions:u", *command], folder, r"^(\d+),")


def count_by_valgrind(command, folder):
    tool = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    return counted([*tool, *command], folder, r"I\s+refs:\s+([\d,]+)")


def counted(command, folder, pattern):
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, env={**os.environ, **ALONE}
    )
    found = re.search(pattern, done.stderr, re.MULTILINE)
    if done.returncode != 0 or not found:
        raise Failed(f"{command[0]} counted nothing:\n{done.stderr[-2000:]}")
    return int(found[1].replace(",", ""))


def machine(folder):
    """What figures depend on."""
    about = Path("/proc/cpuinfo")
    model = re.search(r"^model name\s*:\s*(.*)$", about.read_text(), re.MULTILINE) if about.exists() else None
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    place = Path(folder).resolve()
    holding = [(point, kind) for point, kind in mounts if place.is_relative_to(point.replace("\\040", " "))]
    _, kind = max(holding, key=lambda mount: len(mount[0]), default=("", "unknown"))
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "file system": kind,
        "python": platform.python_version(),
    }
