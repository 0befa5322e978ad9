"""Runs commands in turn and tells what they took: wall time, CPU time, peak memory."""

import os
import pathlib
import resource
import select
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import Callable, Optional

# Exit codes of vmtriage that say what it found, not that it could not work.
VERDICTS = (0, 1, 2, 3)


@dataclass
class Usage:
    """What one way of working took, all its processes together."""

    wall: float = 0.0
    cpu: float = 0.0
    peak_mib: float = 0.0
    failure: str = ""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.wall + other.wall, self.cpu + other.cpu, max(self.peak_mib, other.peak_mib),
                     self.failure or other.failure)


@dataclass
class Row:
    """One way of working: what is run in each round, and which zip it leaves behind."""

    name: str
    run: Callable[[], Usage]
    zip: Optional[pathlib.Path] = None
    # The name of the row that it is compared with; empty: this one is such a bar.
    bar: str = ""
    # Says what else the reader has to know, once all rounds are done.
    note: Callable[[], str] = lambda: ""
    # What its times are multiplied with, for a way that is given only part of the input.
    scale: float = 1.0
    usages: list = field(default_factory=list)
    zip_bytes: int = 0

    def failed(self) -> bool:
        return any(usage.failure for usage in self.usages)

    def values(self, what: str) -> list:
        scale = 1.0 if what == "peak_mib" else self.scale
        return [scale * getattr(usage, what) for usage in self.usages]


@dataclass
class Spread:
    """Some measurements of the same thing."""

    median: float
    least: float
    most: float

    @staticmethod
    def of(values: list) -> "Spread":
        return Spread(statistics.median(values), min(values), max(values))


def times_faster(row: Row, bar: Row, what: str) -> Spread:
    """How many times longer the bar took, round by round: a slow moment of the machine meets both."""
    pairs = zip(bar.values(what), row.values(what))
    return Spread.of([theirs / max(ours, 1e-9) for theirs, ours in pairs])


def sum_of(first: Row, then: Row) -> Callable[[], Usage]:
    """One after the other, out of the runs that this round has made of both: nothing is run twice."""
    return lambda: first.usages[-1] + then.usages[-1]


def run_process(command, cwd=None, ok_codes=(0,), output=None) -> Usage:
    """Runs one command to its end; what it prints is thrown away unless `output` names a file."""
    with open(output or os.devnull, "wb") as out, tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        process = subprocess.Popen([str(part) for part in command], cwd=cwd, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=errors)
        sampled_kib = watch_memory(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()
    result = Usage(wall, usage.ru_utime + usage.ru_stime, peak_kib(usage.ru_maxrss, sampled_kib) / 1024)
    if process.returncode not in ok_codes:
        result.failure = f"{command[0]}: exit {process.returncode}: {said[-300:]}"
    return result


def peak_kib(reported: int, sampled: int) -> int:
    """Linux lets a child start with the resident set of the process that made it, here Python's: only above that is
    what wait4 reports the child's own; below it, the sampled high-water mark counts."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return reported if reported > own or sampled == 0 else sampled


def watch_memory(pid: int) -> int:
    """Follows a process to its end, which it leaves to wait4; returns its highest mark seen, 0 where there is none."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return 0
    peak = 0
    try:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        while True:
            peak = max(peak, high_water_kib(pid))
            if ended.poll(20):
                return peak
    finally:
        os.close(descriptor)


def high_water_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        return next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), 0)


def measure(rows: list, rounds: int) -> None:
    """A B C A B C …, so that a slow moment meets all of them; a row that fails is not run again."""
    for number in range(rounds):
        for row in rows:
            if row.failed():
                continue
            usage = row.run()
            if row.zip and row.zip.exists():
                row.zip_bytes = row.zip.stat().st_size
            elif row.zip and not usage.failure:
                usage.failure = f"left no {row.zip.name}"
            row.usages.append(usage)
            if sys.stderr.isatty():
                print(f"round {number + 1}/{rounds}: {row.name}: {usage.wall:.1f} s", file=sys.stderr)
