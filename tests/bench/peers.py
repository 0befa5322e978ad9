"""The ways of working that are compared, a function each: vmtriage and what people use today."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass

from corpora import HERE, Tree
from measuring import VERDICTS, Row, Usage, run_process

# Anything that can be in the corpus fits, so that no budget makes vmtriage's work smaller than that of the others.
NO_BUDGET = ["--max-total-size", "4000G", "--max-file-size", "4000G"]
# ripgrep leaves out hidden, ignored and binary files unless told otherwise; all ways have to read the same bytes.
RG_READS_ALL = ["--no-config", "--no-ignore", "--hidden", "-uu", "-a"]
# Its default for one compiled expression is too small for all rules at once.
RG_HAS_ROOM = ["--regex-size-limit", "1G", "--dfa-size-limit", "1G"]


@dataclass
class Job:
    """What is read, and where results go."""

    vmtriage: str
    tree: Tree
    work: pathlib.Path
    patterns: pathlib.Path
    # vmtriage.exe, or empty.
    exe: str = ""


def on_one_core() -> list:
    return ["taskset", "-c", str(min(os.sched_getaffinity(0)))]


def collect(job: Job, name: str, bar: str, before=(), more=()) -> Row:
    return collect_row(job, name, bar, [*before, job.vmtriage], "", more)


def exe_collect(job: Job, name: str, bar: str) -> Row:
    """The peak is that of the process, Wine's own libraries included; the work of Wine's server is nobody's."""
    return collect_row(job, name, bar, ["wine", job.exe], "Z:", ())


def collect_row(job: Job, name: str, bar: str, program: list, drive: str, more) -> Row:
    zip_path = job.work / (re.sub(r"\W+", "-", name) + ".zip")

    def run() -> Usage:
        # sap-hana is the profile that takes all of the tree.
        command = [*program, "collect", "--root", f"{drive}{job.tree.path}", "--profile", "sap-hana",
                   "-o", f"{drive}{fresh(zip_path)}", *more]
        return run_process([*command, *NO_BUDGET, "--batch"], cwd=job.work, ok_codes=VERDICTS)

    def note() -> str:
        with zipfile.ZipFile(zip_path) as archive:
            kept = [entry for entry in archive.infolist() if "/files/" in entry.filename and not entry.is_dir()]
        percent = 100 * sum(entry.file_size for entry in kept) / job.tree.bytes
        return f"{len(kept)} of {job.tree.files} files, {percent:.1f} % of the bytes in the zip; {unzip_says(zip_path)}"

    return Row(name, run, zip_path, bar, note)


def unzip_says(path: pathlib.Path) -> str:
    if not shutil.which("unzip"):
        return "not checked by unzip, which is not installed"
    checked = subprocess.run(["unzip", "-tq", path], capture_output=True, text=True, check=False)
    return "unzip -t finds no error" if checked.returncode == 0 else f"unzip -t: {checked.stdout[-200:]}"


def analyze(job: Job, name: str, bar: str, more=()) -> Row:
    command = [job.vmtriage, "analyze", "--format", "json", job.tree.path, *more]
    return Row(name, lambda: run_process(command, cwd=job.work, ok_codes=VERDICTS), bar=bar)


def zip_tree(job: Job, name: str, options=()) -> Row:
    zip_path = job.work / (re.sub(r"\W+", "-", name) + ".zip")
    return Row(name, lambda: run_process(["zip", "-q", "-r", *options, fresh(zip_path), "."], cwd=job.tree.path), zip_path)


def python_zipfile(job: Job, name: str) -> Row:
    """What the log collector of the Azure Linux agent does: one thread, deflate at Python's default level."""
    zip_path = job.work / "python.zip"
    command = [sys.executable, "-S", HERE / "python_zipfile.py", job.tree.path, zip_path]

    def run() -> Usage:
        fresh(zip_path)
        return run_process(command)

    return Row(name, run, zip_path)


def rg(job: Job, name: str, more=()) -> Row:
    """With the patterns of all rules; it finds the lines, without telling which rule is meant."""
    command = ["rg", *RG_READS_ALL, *RG_HAS_ROOM, *more, "-n", "-f", job.patterns, job.tree.path]
    # Into a file: rg stops at the first match when it sees that its output is /dev/null.
    return Row(name, lambda: run_process(command, ok_codes=(0, 1), output=job.work / "rg.txt"))


def cat(job: Job, name: str) -> Row:
    return Row(name, lambda: run_process(["find", job.tree.path, "-type", "f", "-exec", "cat", "{}", "+"]))


def gunzip(job: Job, name: str) -> Row:
    command = ["find", job.tree.path, "-name", "*.gz", "-exec", "gzip", "-dc", "{}", "+"]
    return Row(name, lambda: run_process(command))


def fresh(path: pathlib.Path) -> pathlib.Path:
    path.unlink(missing_ok=True)
    return path


def write_patterns(vmtriage: str, target: pathlib.Path) -> None:
    """Writes the patterns of all rules, without those that this rg cannot read, which are printed."""
    command = [vmtriage, "list", "rules", "--patterns", "--os", "linux"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True)
    patterns = [line for line in listed.stdout.splitlines() if line]
    refused = {}
    if shutil.which("rg"):
        refused = {pattern: reason for pattern in patterns if (reason := rg_refuses(pattern))}
    target.write_text("".join(for_one_expression(each) + "\n" for each in patterns if each not in refused))
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
