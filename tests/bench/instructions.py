"""Counts the instructions of the loops that see every byte, by valgrind: the same in every run on the same processor and
compiler, so that a regression shows also where a clock says nothing.

Loops by themselves are run by inner_loops.cpp; the ways through the whole program are its counts on a larger input less
those on a smaller one, which takes away what starting it costs. instructions.json holds the counts of the last time
that somebody accepted them: --accept-instructions writes it."""

import json
import pathlib
import re
import shutil
import subprocess

from corpora import HERE, Generators, read_once
from measuring import VERDICTS
from report import print_table

ACCEPTED = HERE / "instructions.json"
SMALL, LARGE = "500K", "5M"
SMALL_LOG, LARGE_LOG = "512K", "4M"


def count(options, work: pathlib.Path, make: Generators) -> dict:
    """Instructions per byte, by name; prints them beside those that were accepted."""
    if not shutil.which("valgrind"):
        print("valgrind is not installed: no instructions are counted")
        return {}
    folder = work / "instructions"
    folder.mkdir()
    counts = count_loops(options.driver, folder, make) if options.driver else {}
    counts |= count_program(options.vmtriage, folder, make)
    accepted = json.loads(ACCEPTED.read_text()) if ACCEPTED.exists() else {}
    lines = [[name, f"{value:.2f}", f"{accepted[name]:.2f}" if name in accepted else "-",
              f"{value / accepted[name]:.3f}" if name in accepted else "-"] for name, value in counts.items()]
    print("\nInstructions for each byte")
    print_table(["loop", "now", "accepted", "ratio"], lines)
    if options.accept_instructions:
        ACCEPTED.write_text(json.dumps({name: round(value, 3) for name, value in counts.items()}, indent=1) + "\n")
    return counts


def count_loops(driver: str, folder: pathlib.Path, make: Generators) -> dict:
    counts = {}
    for text, options in (("normal text", []), ("hostile text", ["--hostile"])):
        tree = make.logs(folder / text.split()[0], LARGE, "--shape", "single", *options)
        log = tree.path / "var/log/messages"
        for loop in ("matcher", "redactor", "deflater"):
            total = instructions([driver, loop, log], ["--toggle-collect=counted_loop"])
            counts[f"{loop}, {text}"] = total / tree.bytes
    return counts


def count_program(vmtriage: str, folder: pathlib.Path, make: Generators) -> dict:
    small, large = [make.logs(folder / f"tree-{size}", size) for size in (SMALL, LARGE)]
    hostile = [make.logs(folder / f"hostile-{size}", size, "--hostile") for size in (SMALL, LARGE)]
    logs = [read_once(make.event_log(folder / f"log-{size}", size).parent) for size in (SMALL_LOG, LARGE_LOG)]
    analyze = [vmtriage, "analyze", "--threads", "1", "--format", "json"]
    events = [vmtriage, "events", "--threads", "1", "--format", "jsonl"]
    bundle = folder / "bundle.zip"

    def collect(tree):
        bundle.unlink(missing_ok=True)
        return [vmtriage, "collect", "--root", tree.path, "--profile", "sap-hana", "--threads", "1", "--batch", "-o", bundle]

    return {
        "vmtriage analyze, normal logs": per_byte(lambda tree: [*analyze, tree.path], small, large),
        "vmtriage analyze, hostile logs": per_byte(lambda tree: [*analyze, tree.path], *hostile),
        "vmtriage collect, normal logs": per_byte(collect, small, large),
        "vmtriage events, jsonl": per_byte(lambda tree: [*events, tree.path / "System.evtx"], *logs),
        "vmtriage analyze, event log": per_byte(lambda tree: [*analyze, tree.path / "System.evtx"], *logs),
    }


def per_byte(command_for, small, large) -> float:
    more = instructions(command_for(large)) - instructions(command_for(small))
    return more / (large.bytes - small.bytes)


def instructions(command, options=()) -> int:
    """Of all threads of a command."""
    words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *options, *[str(part) for part in command]]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    said = done.stderr.decode(errors="replace")
    collected = re.search(r"Collected : (\d+)", said)
    if done.returncode not in VERDICTS or not collected:
        raise OSError(f"{' '.join(words)}: exit {done.returncode}: {said[-300:]}")
    return int(collected[1])
