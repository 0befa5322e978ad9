#!/usr/bin/env python3
"""Times vmtriage beside the tools that people use today, on a generated tree of logs and a generated event log.

    compare.py build/release/vmtriage [--exe build/windows-release/vmtriage.exe] [--size 1G] [--evtx-size 512M | --no-events]
               [--runs 3] [--big] [--keep]

Every way of working is a whole process (or two, one after the other), measured by wait4: CPU is user + system,
memory is the largest resident set of a process. The ways are run in turn, so that a slow moment of the machine meets
all of them, and the median counts. Nothing here asserts a time; a command that fails makes the exit code 1.
"""

import argparse
import os
import pathlib
import re
import resource
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from typing import Callable, Optional

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
# Anything that can be in the corpus fits, so that no budget makes vmtriage's work smaller than that of the others.
NO_BUDGET = ["--max-total-size", "4000G", "--max-file-size", "4000G"]
# ripgrep leaves out hidden, ignored and binary files unless told otherwise; all ways have to read the same bytes.
RG_READS_ALL = ["--no-config", "--no-ignore", "--hidden", "-uu", "-a"]
# Its default for one compiled expression is too small for all rules at once.
RG_HAS_ROOM = ["--regex-size-limit", "1G", "--dfa-size-limit", "1G"]


# evtxexport reads about 10 MB/s: all of the event log would take it minutes.
EVTXEXPORT_SIZE = "32M"

# Exit codes of vmtriage that say what it found, not that it could not work.
VERDICTS = (0, 1, 2, 3)


@dataclass
class Usage:
    """What one way of working took, all its processes together."""

    wall: float = 0.0
    cpu: float = 0.0
    peak_mib: float = 0.0
    failure: str = ""

    def add(self, other: "Usage") -> None:
        self.wall += other.wall
        self.cpu += other.cpu
        self.peak_mib = max(self.peak_mib, other.peak_mib)
        self.failure = self.failure or other.failure


@dataclass
class Row:
    """One line of the table: what is run, and which zip it leaves behind."""

    name: str
    run: Callable[[], Usage]
    zip: Optional[pathlib.Path] = None
    usages: list = field(default_factory=list)
    # Says what else the reader has to know, once all runs are done.
    note: Callable[[], str] = lambda: ""
    # What its times are multiplied with, for a way that is given only part of the input.
    scale: float = 1.0


@dataclass
class Bench:
    """What every comparison needs to know."""

    vmtriage: str
    tree: pathlib.Path
    work: pathlib.Path
    patterns: pathlib.Path
    # vmtriage.exe, or empty.
    exe: str = ""
    corpus_bytes: int = 0
    corpus_files: int = 0

    def out(self, name: str) -> pathlib.Path:
        return self.work / name


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


def fresh(path: pathlib.Path) -> pathlib.Path:
    path.unlink(missing_ok=True)
    return path


# One function per row.


def vmtriage_collect(bench: Bench) -> Row:
    return collect_row(bench, "vmtriage collect (scan, redact, zip)", "collect.zip", [bench.vmtriage], "")


def vmtriage_exe_collect(bench: Bench) -> Optional[Row]:
    """The peak is that of the process, Wine's own libraries included; the work of Wine's server is nobody's."""
    if not bench.exe:
        return None
    return collect_row(bench, "vmtriage.exe collect, under Wine", "collect-exe.zip", ["wine", bench.exe], "Z:")


def collect_row(bench: Bench, name: str, zip_name: str, program: list, drive: str) -> Row:
    zip_path = bench.out(zip_name)

    def run() -> Usage:
        # sap-hana is the profile that takes all of the tree.
        command = [*program, "collect", "--root", f"{drive}{bench.tree}", "--profile", "sap-hana",
                   "-o", f"{drive}{fresh(zip_path)}"]
        return run_process([*command, *NO_BUDGET, "--batch"], cwd=bench.work, ok_codes=VERDICTS)

    def note() -> str:
        with zipfile.ZipFile(zip_path) as archive:
            kept = [entry for entry in archive.infolist() if "/files/" in entry.filename and not entry.is_dir()]
        kept_bytes = sum(entry.file_size for entry in kept)
        percent = 100 * kept_bytes / bench.corpus_bytes
        return f"{len(kept)} of {bench.corpus_files} files, {percent:.1f} % of the bytes in the zip"

    return Row(name, run, zip_path, note=note)


def zip_r(bench: Bench) -> Row:
    zip_path = bench.out("zip.zip")
    return Row("zip -r", lambda: run_process(["zip", "-q", "-r", fresh(zip_path), "."], cwd=bench.tree), zip_path)


def zip_r_then_rg(bench: Bench) -> Row:
    zip_path = bench.out("zip-rg.zip")

    def run() -> Usage:
        usage = run_process(["zip", "-q", "-r", fresh(zip_path), "."], cwd=bench.tree)
        usage.add(search_with_rg(bench))
        return usage

    return Row("zip -r, then rg -f patterns", run, zip_path)


def python_zipfile(bench: Bench) -> Row:
    zip_path = bench.out("python.zip")
    command = [sys.executable, "-S", __file__, "--zip-tree", bench.tree, "--zip-to", zip_path]

    def run() -> Usage:
        fresh(zip_path)
        return run_process(command)

    return Row("Python zipfile (as the Azure agent does)", run, zip_path)


def vmtriage_analyze(bench: Bench) -> Row:
    command = [bench.vmtriage, "analyze", "--format", "json", bench.tree]
    return Row("vmtriage analyze (no zip)", lambda: run_process(command, cwd=bench.work, ok_codes=VERDICTS))


def rg_patterns(bench: Bench) -> Row:
    return Row("rg -n -f patterns", lambda: search_with_rg(bench))


def search_with_rg(bench: Bench) -> Usage:
    # Into a file: rg stops at the first match when it sees that its output is /dev/null.
    return run_process(["rg", *RG_READS_ALL, *RG_HAS_ROOM, "-n", "-f", bench.patterns, bench.tree], ok_codes=(0, 1),
                       output=bench.out("rg.txt"))


# Which rows there are, and the tool that each needs beside vmtriage.
COMPARISONS = [
    (vmtriage_collect, None),
    (vmtriage_exe_collect, "wine"),
    (zip_r, "zip"),
    (zip_r_then_rg, "rg"),
    (python_zipfile, None),
    (vmtriage_analyze, None),
    (rg_patterns, "rg"),
]


def zip_tree(tree: str, target: str) -> None:
    """What the log collector of the Azure Linux agent does: one thread, deflate at Python's default level."""
    with zipfile.ZipFile(target, "w", compression=zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for folder, _, names in os.walk(tree):
            for name in names:
                path = os.path.join(folder, name)
                archive.write(path, os.path.relpath(path, tree))


def write_patterns(bench: Bench) -> None:
    """Writes the patterns of all rules, without those that this rg cannot read, which are printed."""
    command = [bench.vmtriage, "list", "rules", "--patterns", "--os", "linux"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True)
    patterns = [line for line in listed.stdout.splitlines() if line]
    refused = {}
    if shutil.which("rg"):
        refused = {pattern: reason for pattern in patterns if (reason := rg_refuses(pattern))}
    bench.patterns.write_text("".join(for_one_expression(each) + "\n" for each in patterns if each not in refused))
    print(f"patterns: {len(patterns)} from vmtriage, {len(refused)} of them refused by rg; their groups get no name, "
          "since rg makes one expression of all and refuses a name that comes twice")
    for pattern, reason in refused.items():
        print(f"  refused: {pattern}\n           {reason}")


def for_one_expression(pattern: str) -> str:
    """In a group of its own, so that its flags end with it."""
    return "(?:" + re.sub(r"\(\?P<\w+>", "(?:", pattern) + ")"


def rg_refuses(pattern: str) -> str:
    command = ["rg", "--no-config", "-e", pattern, "-"]
    tried = subprocess.run(command, input="", capture_output=True, text=True, check=False)
    return tried.stderr.strip().splitlines()[-1] if tried.returncode == 2 else ""


def read_once(tree: pathlib.Path) -> tuple:
    """Brings the tree into the page cache; returns its bytes and files."""
    total, files = 0, 0
    for path in tree.rglob("*"):
        if not path.is_file():
            continue
        files += 1
        with open(path, "rb", buffering=0) as source:
            while piece := source.read(1 << 20):
                total += len(piece)
    return total, files


def make_corpus(size: str, work: pathlib.Path, program: Optional[str]) -> pathlib.Path:
    program = program or compile_generator("make_corpus", work)
    tree = work / "corpus"
    start = time.monotonic()
    made = subprocess.run([program, tree, size], check=True, capture_output=True, text=True)
    print(f"corpus: {made.stdout.strip()} (made in {time.monotonic() - start:.1f} s)")
    return tree


def make_event_log(size: str, folder: pathlib.Path, program: str) -> pathlib.Path:
    folder.mkdir()
    # The name by which vmtriage and evtxexport know what it is.
    log = folder / "System.evtx"
    made = subprocess.run([program, log, size], check=True, capture_output=True, text=True)
    print(f"event log: {made.stdout.strip()}")
    read_once(folder)
    return log


def compile_generator(name: str, work: pathlib.Path) -> str:
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if not compiler:
        sys.exit(f"compare.py: no C++ compiler for {name}.cpp; name a built one with --{name.replace('_', '-')}")
    program = work / name
    sources = [HERE / f"{name}.cpp", SOURCE / "agent/base/text.cpp"]
    subprocess.run([compiler, "-std=c++20", "-O2", f"-I{SOURCE}", *sources, "-o", program], check=True)
    return str(program)


def choose_rows(bench: Bench) -> list:
    rows = []
    for make, tool in COMPARISONS:
        row = make(bench)
        if row is None:
            continue
        if tool and not shutil.which(tool):
            print(f"{tool} is not installed: no row for '{row.name}'")
        else:
            rows.append(row)
    return rows


def measure(rows: list, runs: int) -> None:
    """A B C A B C …; a row that fails is not run again."""
    for number in range(runs):
        for row in rows:
            if any(usage.failure for usage in row.usages):
                continue
            usage = row.run()
            if row.zip and not row.zip.exists() and not usage.failure:
                usage.failure = f"left no {row.zip.name}"
            row.usages.append(usage)
            progress(f"run {number + 1}/{runs}: {row.name}: {row.usages[-1].wall:.1f} s")


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def median_of(row: Row, what: str) -> float:
    scale = 1.0 if what == "peak_mib" else row.scale
    return scale * statistics.median(getattr(usage, what) for usage in row.usages)


def print_table(headings: list, lines: list) -> None:
    """Prints columns, the first to the left, numbers to the right; every cell is text."""
    widths = [max(len(line[i]) for line in [headings, *lines]) for i in range(len(headings))]
    for line in [headings, ["-" * width for width in widths], *lines]:
        cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        print("  ".join(cells).rstrip())


def print_comparison(rows: list, corpus_bytes: int) -> None:
    """Ratios are to the first row: 2.00x took twice as long as it."""
    done = [row for row in rows if not any(usage.failure for usage in row.usages)]
    if not done:
        return
    first = done[0]
    lines = []
    for row in done:
        wall, cpu = median_of(row, "wall"), median_of(row, "cpu")
        zipped = row.zip.stat().st_size if row.zip else 0
        lines.append([
            row.name, f"{wall:.2f}", f"{wall / median_of(first, 'wall'):.2f}x", f"{cpu:.2f}",
            f"{cpu / max(median_of(first, 'cpu'), 1e-9):.2f}x", f"{corpus_bytes / 1e6 / max(wall, 1e-9):.0f}",
            f"{median_of(row, 'peak_mib'):.0f}", f"{zipped / 1e6:.1f}" if zipped else "-",
            f"{corpus_bytes / zipped:.2f}" if zipped else "-"
        ])
    print_table(["way", "wall s", "ratio", "CPU s", "ratio", "MB/s", "peak MiB", "zip MB", "zip ratio"], lines)
    for row in done:
        if note := row.note():
            print(f"  {row.name}: {note}")


def print_failures(rows: list) -> bool:
    failures = [(row.name, usage.failure) for row in rows for usage in row.usages if usage.failure]
    for name, failure in failures:
        print(f"FAILED {name}: {failure}")
    return bool(failures)


def zip_is_sound(path: pathlib.Path) -> bool:
    if not shutil.which("unzip"):
        print("unzip is not installed: the zip of vmtriage collect is not checked by it")
        return True
    checked = subprocess.run(["unzip", "-tq", path], capture_output=True, text=True, check=False)
    print(f"unzip -tq {path.name}: {(checked.stdout + checked.stderr).strip().splitlines()[-1]}")
    return checked.returncode == 0


def open_bench(options, size: str, work: pathlib.Path) -> Bench:
    tree = make_corpus(size, work, options.make_corpus)
    exe = os.path.abspath(options.exe) if options.exe else ""
    bench = Bench(os.path.abspath(options.vmtriage), tree, work, work / "patterns.txt", exe)
    bench.corpus_bytes, bench.corpus_files = read_once(tree)
    return bench


def compare_logs(options, work: pathlib.Path) -> bool:
    """The first section: all ways of working, side by side. True when every command did its work."""
    bench = open_bench(options, options.size, work)
    write_patterns(bench)
    rows = choose_rows(bench)
    measure(rows, options.runs)
    print(f"\n{options.size} of logs in {bench.corpus_files} files, warm page cache, {os.cpu_count()} processors, "
          f"median of {options.runs} runs, in turn")
    print_comparison(rows, bench.corpus_bytes)
    failed = print_failures(rows)
    collected = bench.out("collect.zip")
    return not failed and collected.exists() and zip_is_sound(collected)


def event_rows(vmtriage: str, log: pathlib.Path) -> list:
    events = [vmtriage, "events", "--format", "jsonl", log]
    analyze = [vmtriage, "analyze", "--format", "json", log]
    one = ["--threads", "1"]
    return [
        Row("vmtriage events, jsonl, 1 thread", lambda: run_process([*events, *one])),
        Row("vmtriage events, jsonl, all threads", lambda: run_process(events)),
        Row("vmtriage analyze, all event rules, 1 thread", lambda: run_process([*analyze, *one], ok_codes=VERDICTS)),
        Row("vmtriage analyze, all event rules, all threads", lambda: run_process(analyze, ok_codes=VERDICTS)),
        Row("cat", lambda: run_process(["cat", log])),
    ]


def evtxexport_row(log: pathlib.Path, part: pathlib.Path) -> Row:
    size, part_size = log.stat().st_size, part.stat().st_size
    row = Row("evtxexport -f xml", lambda: run_process(["evtxexport", "-f", "xml", part]), scale=size / part_size)
    if row.scale != 1.0:
        row.note = lambda: (f"measured on {part_size / 2**20:.0f} MiB of such events, times multiplied by "
                            f"{row.scale:.2f}")
    return row


def reads_the_same(vmtriage: str, part: pathlib.Path, work: pathlib.Path) -> bool:
    """Whether both tools find as many events: evtxexport takes what it cannot read for an empty log."""
    counts = []
    for command, start in (([vmtriage, "events", "--format", "jsonl", part], b"{"),
                           (["evtxexport", "-f", "xml", part], b"<Event ")):
        output = work / "events.txt"
        usage = run_process(command, output=output)
        if usage.failure:
            print(f"FAILED {usage.failure}")
            return False
        with open(output, "rb") as lines:
            counts.append(sum(line.startswith(start) for line in lines))
        output.unlink()
    print(f"events read from {part.stat().st_size / 2**20:.0f} MiB: vmtriage {counts[0]}, evtxexport {counts[1]}")
    return counts[0] == counts[1] > 0


def print_events_table(rows: list, log_bytes: int) -> None:
    """Ratios are to evtxexport: 50x took it a fiftieth of the time; there are none without it."""
    done = [row for row in rows if row.usages and not any(usage.failure for usage in row.usages)]
    bar = next((row for row in done if row.name.startswith("evtxexport")), None)

    def ratio(row: Row, what: str) -> str:
        return f"{median_of(bar, what) / max(median_of(row, what), 1e-9):.1f}x" if bar else "-"

    lines = []
    for row in done:
        wall = median_of(row, "wall")
        lines.append([
            row.name, f"{median_of(row, 'cpu'):.2f}", ratio(row, "cpu"), f"{wall:.2f}", ratio(row, "wall"),
            f"{log_bytes / 1e6 / max(wall, 1e-9):.0f}", f"{median_of(row, 'peak_mib'):.0f}"
        ])
    print_table(["way", "CPU s", "less", "wall s", "less", "MB/s", "peak MiB"], lines)
    if bar:
        print("  less: how many times longer evtxexport takes")
    for row in done:
        if note := row.note():
            print(f"  {row.name}: {note}")


def compare_events(options, work: pathlib.Path) -> bool:
    """The second section: reading one large Windows event log. True when every command did its work."""
    program = options.make_evtx or compile_generator("make_evtx", work)
    vmtriage = os.path.abspath(options.vmtriage)
    log = make_event_log(options.evtx_size, work / "whole", program)
    rows = event_rows(vmtriage, log)
    agreed = True
    if shutil.which("evtxexport"):
        part = make_event_log(EVTXEXPORT_SIZE, work / "part", program)
        part = min(part, log, key=lambda path: path.stat().st_size)
        agreed = reads_the_same(vmtriage, part, work)
        rows.append(evtxexport_row(log, part))
    else:
        print("evtxexport is not installed: no row for it, and no ratios")
    measure(rows, options.runs)
    print(f"\n{options.evtx_size} of Windows events in one file, warm page cache, {os.cpu_count()} processors, "
          f"load {os.getloadavg()[0]:.1f}, median of {options.runs} runs, in turn")
    print_events_table(rows, log.stat().st_size)
    return not print_failures(rows) and agreed


def compare_big(options, work: pathlib.Path) -> bool:
    """The last section: does memory stay bounded when the evidence does not?"""
    bench = open_bench(options, options.big_size, work)
    rows = [vmtriage_collect(bench), vmtriage_analyze(bench)]
    measure(rows, 1)
    print(f"\n{options.big_size} of logs in {bench.corpus_files} files, one run")
    done = [row for row in rows if not row.usages[0].failure]
    lines = [[row.name, f"{median_of(row, 'wall'):.1f}", f"{median_of(row, 'peak_mib'):.0f}"] for row in done]
    print_table(["way", "wall s", "peak MiB"], lines)
    failed = print_failures(rows)
    return not failed and zip_is_sound(bench.out("collect.zip"))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vmtriage", nargs="?", help="the program, built for release")
    parser.add_argument("--exe", help="vmtriage.exe, for a row of its own; runs in the WINEPREFIX of the environment")
    parser.add_argument("--size", default="1G", help="bytes of logs to generate: 500000, 64M, 1G (default)")
    parser.add_argument("--evtx-size", default="512M", help="bytes of Windows events, at most 4G (default 512M)")
    parser.add_argument("--no-events", action="store_true", help="without the section on Windows events")
    parser.add_argument("--runs", type=int, default=3, help="how often each way is run (default 3)")
    parser.add_argument("--big", action="store_true", help="one more section, with a large corpus")
    parser.add_argument("--big-size", default="10G", help="its size (default 10G)")
    parser.add_argument("--make-corpus", metavar="PROGRAM", help="a built make_corpus (default: compiled for the run)")
    parser.add_argument("--make-evtx", metavar="PROGRAM", help="a built make_evtx (default: compiled for the run)")
    parser.add_argument("--keep", action="store_true", help="leave the generated logs and the zips where they are")
    parser.add_argument("--zip-tree", help=argparse.SUPPRESS)
    parser.add_argument("--zip-to", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.zip_tree and not (options.vmtriage and os.access(options.vmtriage, os.X_OK)):
        parser.error("the first argument is the path of the vmtriage program")
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    return options


SECTIONS = [
    ("logs", compare_logs, lambda options: True),
    ("events", compare_events, lambda options: not options.no_events),
    ("big", compare_big, lambda options: options.big),
]


def main() -> int:
    options = parse_arguments()
    if options.zip_tree:
        zip_tree(options.zip_tree, options.zip_to)
        return 0
    work = pathlib.Path(tempfile.mkdtemp(prefix="vmtriage-bench-"))
    all_well = True
    try:
        for name, compare, wanted in SECTIONS:
            if not wanted(options):
                continue
            folder = work / name
            folder.mkdir()
            all_well = compare(options, folder) and all_well
            if not options.keep:
                shutil.rmtree(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or "").strip()
        print(f"compare.py: {error}" + (f": {said}" if said else ""), file=sys.stderr)
        return 1
    finally:
        if options.keep:
            print(f"kept: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)
    return 0 if all_well else 1


if __name__ == "__main__":
    sys.exit(main())
