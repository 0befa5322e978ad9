"""The comparisons: which rows stand side by side, and on what."""

import pathlib
import shutil

import peers
from corpora import Generators, Tree, compress_generations
from measuring import VERDICTS, Row, Usage, measure, run_process, sum_of
from report import Section

COLLECT = "vmtriage collect (scan, redact, zip)"
ONE_THREAD = ["--threads", "1"]
# evtxexport reads about 10 MB/s: all of the event log would take it minutes.
EVTXEXPORT_SIZE = "32M"
# A start takes about as long as the clock's jitter: so many are one measurement.
STARTS = 20


def open_job(options, tree: Tree, work: pathlib.Path) -> peers.Job:
    job = peers.Job(options.vmtriage, tree, work, work / "patterns.txt", options.exe)
    peers.write_patterns(job.vmtriage, job.patterns)
    return job


def installed(rows: list) -> list:
    """The rows whose tool is there; those that are sums of others need all of these."""
    kept = []
    for tool, row in rows:
        if tool and not all(shutil.which(each) for each in tool.split()):
            print(f"{tool}: not installed: no row for '{row.name}'")
        else:
            kept.append(row)
    return kept


def logs(options, work: pathlib.Path, make: Generators) -> Section:
    """The whole job on a VM's logs, and analysis alone."""
    job = open_job(options, make.logs(work / "corpus", options.size), work)
    whole, one_core = "zip -r, then rg -f patterns", "zip -r, then rg, one core"
    zip_r, rg, rg_1 = peers.zip_tree(job, "zip -r"), peers.rg(job, "rg -n -f patterns"), peers.rg(job, "rg -j1", ["-j1"])
    rows = [
        ("", peers.collect(job, COLLECT, whole)),
        ("taskset", peers.collect(job, "vmtriage collect, one core", one_core, peers.on_one_core())),
        ("zip", zip_r),
        ("zip", peers.zip_tree(job, "zip -r -1", ["-1"])),
        ("", peers.python_zipfile(job, "Python zipfile (as the Azure agent does)")),
        ("", peers.analyze(job, "vmtriage analyze (no zip)", rg.name)),
        ("", peers.analyze(job, "vmtriage analyze, 1 thread", rg_1.name, ONE_THREAD)),
        ("rg", rg),
        ("rg", rg_1),
        ("zip rg", Row(whole, sum_of(zip_r, rg))),
        # zip uses one core anyway.
        ("zip rg", Row(one_core, sum_of(zip_r, rg_1))),
        ("find", peers.cat(job, "cat")),
    ]
    if job.exe:
        rows.insert(2, ("wine", peers.exe_collect(job, "vmtriage.exe collect, under Wine", whole)))
    return measured("logs", f"{options.size} of logs in {job.tree.files} files", job.tree.bytes, rows, options.rounds)


def hostile(options, work: pathlib.Path, make: Generators) -> Section:
    """Text in which every line holds several texts that rules look for."""
    job = open_job(options, make.logs(work / "corpus", options.part_size, "--hostile"), work)
    rg, rg_1 = peers.rg(job, "rg -n -f patterns"), peers.rg(job, "rg -j1", ["-j1"])
    rows = [
        ("", peers.collect(job, COLLECT, "")),
        ("", peers.analyze(job, "vmtriage analyze (no zip)", rg.name)),
        ("", peers.analyze(job, "vmtriage analyze, 1 thread", rg_1.name, ONE_THREAD)),
        ("rg", rg),
        ("rg", rg_1),
    ]
    title = f"{options.part_size} of hostile logs: every line nearly is a finding"
    return measured("hostile", title, job.tree.bytes, rows, options.rounds)


def rotated(options, work: pathlib.Path, make: Generators) -> Section:
    """Logs whose generations logrotate has compressed; MB/s are of their text."""
    job = open_job(options, compress_generations(make.logs(work / "corpus", options.part_size)), work)
    rg = peers.rg(job, "rg -z -j1", ["-z", "-j1"])
    rows = [
        ("", peers.collect(job, COLLECT, "")),
        ("", peers.analyze(job, "vmtriage analyze, 1 thread", rg.name, ONE_THREAD)),
        ("rg gzip", rg),
        ("gzip", peers.gunzip(job, "gzip -dc, nothing else")),
    ]
    title = f"{options.part_size} of logs, generations compressed by gzip"
    return measured("rotated", title, job.tree.bytes, rows, options.rounds)


def beside_zip_and_rg(job: peers.Job) -> list:
    return [
        ("", peers.collect(job, COLLECT, "zip -r")),
        ("", peers.analyze(job, "vmtriage analyze (no zip)", "rg -n -f patterns")),
        ("zip", peers.zip_tree(job, "zip -r")),
        ("rg", peers.rg(job, "rg -n -f patterns")),
        ("find", peers.cat(job, "cat")),
    ]


def small_files(options, work: pathlib.Path, make: Generators) -> Section:
    job = open_job(options, make.logs(work / "corpus", f"{options.small_files}K", "--shape", "small"), work)
    rounds = 1 if options.big else options.rounds
    return measured("small files", f"{job.tree.files} files of 1 KiB", job.tree.bytes, beside_zip_and_rg(job), rounds)


def one_file(options, work: pathlib.Path, make: Generators) -> Section:
    """Does memory stay bounded when the evidence does not?"""
    job = open_job(options, make.logs(work / "corpus", options.big_size, "--shape", "single"), work)
    return measured("one file", f"{options.big_size} of logs in one file", job.tree.bytes, beside_zip_and_rg(job), 1)


def events(options, work: pathlib.Path, make: Generators) -> Section:
    """Reading one large Windows event log."""
    log = make.event_log(work / "whole", options.evtx_size)
    size = log.stat().st_size
    print_events = [options.vmtriage, "events", "--format", "jsonl", log]
    find_rules = [options.vmtriage, "analyze", "--format", "json", log]
    rows, failures = [], []
    for name, command in (("vmtriage events, jsonl", print_events), ("vmtriage analyze, all event rules", find_rules)):
        one = f"{name}, 1 thread"
        rows.append(("", event_row(one, [*command, "--threads", "1"], "evtxexport -f xml")))
        rows.append(("", event_row(f"{name}, 2 threads", [*command, "--threads", "2"], one)))
    rows.append(("cat", event_row("cat", ["cat", log], "")))
    part = make.event_log(work / "part", EVTXEXPORT_SIZE)
    part = min(part, log, key=lambda path: path.stat().st_size)
    rows.append(("evtxexport", evtxexport(part, size / part.stat().st_size)))
    if shutil.which("evtxexport"):
        failures = compare_counts(options.vmtriage, part, work)
    section = measured("events", f"{options.evtx_size} of Windows events in one file", size, rows, options.rounds)
    section.failures = failures
    return section


def event_row(name: str, command: list, bar: str) -> Row:
    return Row(name, lambda: run_process(command, ok_codes=VERDICTS), bar=bar)


def evtxexport(part: pathlib.Path, scale: float) -> Row:
    row = Row("evtxexport -f xml", lambda: run_process(["evtxexport", "-f", "xml", part]), scale=scale)
    if scale != 1.0:
        row.note = lambda: f"measured on {part.stat().st_size / 2**20:.0f} MiB, times multiplied by {scale:.2f}"
    return row


def compare_counts(vmtriage: str, part: pathlib.Path, work: pathlib.Path) -> list:
    """Whether both tools find as many events: evtxexport takes what it cannot read for an empty log."""
    counts = []
    for command, start in (([vmtriage, "events", "--format", "jsonl", part], b"{"),
                           (["evtxexport", "-f", "xml", part], b"<Event ")):
        output = work / "events.txt"
        usage = run_process(command, output=output)
        if usage.failure:
            return [usage.failure]
        with open(output, "rb") as lines:
            counts.append(sum(line.startswith(start) for line in lines))
        output.unlink()
    said = f"events read from {part.stat().st_size / 2**20:.0f} MiB: vmtriage {counts[0]}, evtxexport {counts[1]}"
    print(said)
    return [] if counts[0] == counts[1] > 0 else [said]


def start(options, work: pathlib.Path, make: Generators) -> Section:
    """What a start costs, for a health scan that runs every hour."""
    del work, make
    rows = [
        ("", start_row("vmtriage explain CODE", [options.vmtriage, "explain", "UserErrorFsFreezeFailed"])),
        ("", start_row("vmtriage explain 0x800423f4", [options.vmtriage, "explain", "0x800423f4"])),
        ("rg", start_row("rg --version", ["rg", "--version"])),
        ("true", start_row("true", ["true"])),
    ]
    return measured("start", f"Starting a program, mean of {STARTS} starts", 0, rows, options.rounds)


def start_row(name: str, command: list) -> Row:
    def run() -> Usage:
        total = sum((run_process(command) for _ in range(STARTS)), Usage())
        return Usage(total.wall / STARTS, total.cpu / STARTS, total.peak_mib, total.failure)

    return Row(name, run)


def measured(name: str, title: str, input_bytes: int, rows: list, rounds: int) -> Section:
    section = Section(name, title, input_bytes, installed(rows))
    measure(section.rows, rounds)
    return section
