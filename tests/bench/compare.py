#!/usr/bin/env python3
"""Times vmtriage beside the tools that people use today, on generated logs and a generated event log.

    compare.py build/release/vmtriage [--exe build/windows-release/vmtriage.exe] [--size 1G] [--rounds 3]
               [--sections logs,hostile,… | --instructions] [--driver inner_loops] [--big] [--json FILE] [--keep]

What is read looks like the logs of Azure VMs (make_corpus.cpp: syslog, waagent, backup extension, SAP HANA, other
extensions; make_evtx.cpp: System and Application logs) and is the same in every run. Sections:

    logs         the whole job (scan, redact, zip) beside zip -r, zip -1, Python's zipfile and rg with the same
                 patterns, on all cores and on one; analysis alone beside rg
    hostile      text in which every line holds several texts that rules look for
    rotated      logs whose older generations are compressed
    small files  files of 1 KiB: 10,000, with --big a million
    one file     with --big: 10 GiB in one log
    events       one Windows event log beside evtxexport; two threads beside one
    start        what starting the program costs

Every way of working is a whole process (or two, one after the other), measured by wait4: CPU is user + system, memory
is the largest resident set of a process. The rows of a section are run in turn, round after round. A ratio is taken
within a round, so that a slow moment of the machine meets both sides; median, least and most of the rounds are printed.
Nothing here asserts a time; a command that fails makes the exit code 1. Instruction counts (instructions.py) are the
same in every run, also on a busy machine.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import instructions
import report
import sections
from corpora import Generators

SECTIONS = {
    "logs": sections.logs,
    "hostile": sections.hostile,
    "rotated": sections.rotated,
    "small files": sections.small_files,
    "one file": sections.one_file,
    "events": sections.events,
    "start": sections.start,
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vmtriage", help="the program, built for release")
    parser.add_argument("--exe", default="", help="vmtriage.exe, for a row of its own; runs in the WINEPREFIX of the environment")
    parser.add_argument("--size", default="1G", help="bytes of logs: 500000, 64M, 1G (default)")
    parser.add_argument("--part-size", default="256M", help="the same for hostile and rotated logs (default 256M)")
    parser.add_argument("--evtx-size", default="512M", help="bytes of Windows events, at most 4G (default 512M)")
    parser.add_argument("--small-files", type=int, help="how many files of 1 KiB (default 10000, with --big a million)")
    parser.add_argument("--big-size", default="10G", help="size of the one file of --big (default 10G)")
    parser.add_argument("--rounds", "--runs", type=int, default=3, help="how often each way is run (default 3)")
    parser.add_argument("--big", action="store_true", help="also 10 GiB in one file and a million files, one round each")
    parser.add_argument("--sections", help=f"only these, with commas between: {', '.join(SECTIONS)}")
    parser.add_argument("--instructions", action="store_true", help="only count instructions, which every run ends with")
    parser.add_argument("--driver", help="a built inner_loops, whose instructions are counted")
    parser.add_argument("--accept-instructions", action="store_true", help="the counts are what later ones are compared with")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--keep", action="store_true", help="leave the generated logs and the zips where they are")
    options = parser.parse_args()
    if not os.access(options.vmtriage, os.X_OK):
        parser.error(f"{options.vmtriage}: no program; the first argument is the path of vmtriage")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    options.wanted = wanted_sections(options)
    if unknown := [name for name in options.wanted if name not in SECTIONS]:
        parser.error(f"'{unknown[0]}' is no section: {', '.join(SECTIONS)}")
    options.vmtriage = os.path.abspath(options.vmtriage)
    options.exe = os.path.abspath(options.exe) if options.exe else ""
    options.small_files = options.small_files or (1_000_000 if options.big else 10_000)
    return options


def wanted_sections(options) -> list:
    if options.instructions:
        return []
    if options.sections:
        return [name.strip() for name in options.sections.split(",")]
    return [name for name in SECTIONS if options.big or name != "one file"]


def compare(options, work: pathlib.Path) -> bool:
    """True when every command did its work."""
    make = Generators(work)
    done, documents = [], []
    for name in options.wanted:
        folder = work / name.replace(" ", "-")
        folder.mkdir()
        section = SECTIONS[name](options, folder, make)
        report.print_section(section, len(section.rows[0].usages))
        done.append(section)
        documents.append(report.json_of_section(section))
        if not options.keep:
            shutil.rmtree(folder)
    report.print_aims(done)
    counts = {} if options.sections else instructions.count(options, work, make)
    if options.json:
        report.write_json(options.json, report.document(options.vmtriage, documents, counts))
    return not any(report.failures_of(section) for section in done)


def main() -> int:
    options = parse_arguments()
    work = pathlib.Path(tempfile.mkdtemp(prefix="vmtriage-bench-"))
    try:
        return 0 if compare(options, work) else 1
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or "").strip()
        print(f"compare.py: {error}" + (f": {said}" if said else ""), file=sys.stderr)
        return 1
    finally:
        if options.keep:
            print(f"kept: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
