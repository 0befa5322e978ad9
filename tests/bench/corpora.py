"""What is read: generated logs and event logs. make_corpus.cpp and make_evtx.cpp say what they hold; the same size and
seed give the same bytes."""

import gzip
import os
import pathlib
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent


@dataclass
class Tree:
    """A folder of logs, in the page cache."""

    path: pathlib.Path
    bytes: int = 0
    files: int = 0


class Generators:
    """Compiles the generators when they are first needed."""

    def __init__(self, work: pathlib.Path):
        self._work = work
        self._programs = {}

    def run(self, name: str, *arguments) -> str:
        """What the generator says of what it wrote."""
        if name not in self._programs:
            self._programs[name] = compile_generator(name, self._work)
        command = [self._programs[name], *[str(argument) for argument in arguments]]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def logs(self, folder: pathlib.Path, size: str, *options) -> Tree:
        start = time.monotonic()
        said = self.run("make_corpus", folder, size, *options)
        print(f"logs {' '.join(options)}: {said} (made in {time.monotonic() - start:.1f} s)")
        return read_once(folder)

    def event_log(self, folder: pathlib.Path, size: str) -> pathlib.Path:
        folder.mkdir()
        # The name by which vmtriage and evtxexport know what it is.
        log = folder / "System.evtx"
        print(f"event log: {self.run('make_evtx', log, size)}")
        read_once(folder)
        return log


def compile_generator(name: str, work: pathlib.Path) -> str:
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if not compiler:
        sys.exit(f"compare.py: no C++ compiler for {name}.cpp")
    program = work / name
    sources = [HERE / f"{name}.cpp", SOURCE / "agent/base/text.cpp"]
    subprocess.run([compiler, "-std=c++20", "-O2", f"-I{SOURCE}", *sources, "-o", program], check=True)
    return str(program)


def compress_generations(tree: Tree) -> Tree:
    """As logrotate leaves them: all but the current logs (`syslog`, `waagent.log`) are compressed. The bytes are still
    those of the text."""
    for path in sorted(tree.path.rglob("*")):
        if not path.is_file() or not path.name.rpartition(".")[2].isdigit() and "-2026" not in path.name:
            continue
        with open(path, "rb") as source, gzip.GzipFile(f"{path}.gz", "wb", compresslevel=6, mtime=0) as packed:
            shutil.copyfileobj(source, packed, 1 << 20)
        path.unlink()
    return Tree(tree.path, tree.bytes, read_once(tree.path).files)


def read_once(tree: pathlib.Path) -> Tree:
    """Brings the tree into the page cache."""
    total, files = 0, 0
    for folder, _, names in os.walk(tree):
        files += len(names)
        for name in names:
            with open(os.path.join(folder, name), "rb", buffering=0) as source:
                while piece := source.read(1 << 20):
                    total += len(piece)
    return Tree(tree, total, files)
