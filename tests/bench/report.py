"""What was measured, as tables and as JSON."""

import json
import os
import platform
from dataclasses import asdict, dataclass, field

from measuring import Row, Spread, times_faster


@dataclass
class Section:
    """Some ways of doing the same, side by side."""

    name: str
    title: str
    input_bytes: int
    rows: list
    # "FAILED …" lines that are no row's own.
    failures: list = field(default_factory=list)

    def bar_of(self, row: Row):
        return next((each for each in self.rows if each.name == row.bar and not each.failed()), None)


@dataclass
class Aim:
    """What the project wants to reach: so many times as fast as the row's bar, by wall time."""

    section: str
    row: str
    at_least: float


AIMS = [
    Aim("logs", "vmtriage collect (scan, redact, zip)", 8),
    Aim("logs", "vmtriage collect, one core", 4),
    Aim("logs", "vmtriage analyze, 1 thread", 4),
    Aim("hostile", "vmtriage analyze, 1 thread", 3),
    Aim("events", "vmtriage events, jsonl, 1 thread", 70),
    Aim("events", "vmtriage analyze, all event rules, 1 thread", 350),
    Aim("events", "vmtriage events, jsonl, 2 threads", 1),
    Aim("events", "vmtriage analyze, all event rules, 2 threads", 1),
    Aim("small files", "vmtriage collect (scan, redact, zip)", 5),
]
MOST_ZIP_BYTES, MOST_PEAK_MIB, MOST_START_S = 1.10, 64, 0.010


def print_table(headings: list, lines: list) -> None:
    """Prints columns, the first to the left, numbers to the right; every cell is text."""
    widths = [max(len(line[i]) for line in [headings, *lines]) for i in range(len(headings))]
    for line in [headings, ["-" * width for width in widths], *lines]:
        cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        print("  ".join(cells).rstrip())


def print_section(section: Section, rounds: int) -> None:
    print(f"\n{section.title}\n  warm page cache, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, "
          f"median of {rounds} rounds (least to most), rows in turn")
    done = [row for row in section.rows if row.usages and not row.failed()]
    headings = ["way", "wall s", "", "faster by wall", "", "by CPU", "CPU s", "MB/s", "peak MiB", "zip MB"]
    print_table(headings, [table_line(section, row) for row in done])
    for bar in dict.fromkeys(row.bar for row in done if section.bar_of(row)):
        ways = ", ".join(row.name for row in done if row.bar == bar)
        print(f"  faster than '{bar}': {ways}")
    for row in done:
        if note := row.note():
            print(f"  {row.name}: {note}")
    for failure in failures_of(section):
        print(f"FAILED {failure}")


def table_line(section: Section, row: Row) -> list:
    wall, cpu, bar = Spread.of(row.values("wall")), Spread.of(row.values("cpu")), section.bar_of(row)
    times = times_faster(row, bar, "wall") if bar else None
    speed = section.input_bytes / 1e6 / max(wall.median, 1e-9)
    return [
        row.name, seconds(wall.median), f"({seconds(wall.least)}–{seconds(wall.most)})",
        f"{times.median:.2f}x" if times else "-", f"({times.least:.2f}–{times.most:.2f})" if times else "",
        f"{times_faster(row, bar, 'cpu').median:.2f}x" if bar else "-", seconds(cpu.median),
        f"{speed:.0f}" if section.input_bytes else "-", f"{max(row.values('peak_mib')):.0f}",
        f"{row.zip_bytes / 1e6:.1f}" if row.zip else "-"
    ]


def seconds(value: float) -> str:
    return f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


def failures_of(section: Section) -> list:
    failed = [f"{row.name}: {usage.failure}" for row in section.rows for usage in row.usages if usage.failure]
    return section.failures + failed


def print_aims(sections: list) -> None:
    """What this run says of the project's aims; a figure of a machine that is busy says little."""
    by_name = {(section.name, row.name): (section, row) for section in sections for row in section.rows
               if row.usages and not row.failed()}
    lines = []
    for aim in AIMS:
        section, row = by_name.get((aim.section, aim.row), (None, None))
        if row and (bar := section.bar_of(row)):
            times = times_faster(row, bar, "wall")
            lines.append([f"{aim.section}: {aim.row}", f"at least {aim.at_least:g}x '{bar.name}'", f"{times.median:.2f}x",
                          f"({times.least:.2f}–{times.most:.2f})"])
    lines += limit_lines(by_name)
    if lines:
        print("\nAims")
        print_table(["what", "aim", "median", ""], lines)


def limit_lines(by_name: dict) -> list:
    lines = []
    ours = [row for _, row in by_name.values() if row.name.startswith("vmtriage ")]
    if ours:
        worst = max(ours, key=lambda row: max(row.values("peak_mib")))
        lines.append([f"peak memory: {worst.name}", f"at most {MOST_PEAK_MIB} MiB", f"{max(worst.values('peak_mib')):.0f} MiB", ""])
    if ("start", "vmtriage explain CODE") in by_name:
        wall = Spread.of(by_name["start", "vmtriage explain CODE"][1].values("wall"))
        lines.append(["start: vmtriage explain CODE", f"at most {1000 * MOST_START_S:g} ms", f"{1000 * wall.median:.1f} ms",
                      f"({1000 * wall.least:.1f}–{1000 * wall.most:.1f})"])
    zipped = [by_name[key][1].zip_bytes for key in (("logs", AIMS[0].row), ("logs", "zip -r")) if key in by_name]
    if len(zipped) == 2:
        lines.append(["logs: size of the zip", f"at most {MOST_ZIP_BYTES:.2f}x 'zip -r'", f"{zipped[0] / zipped[1]:.3f}x", ""])
    return lines


def document(program: str, sections: list, instructions: dict) -> dict:
    """`sections` are those of json_of_section."""
    machine = {"system": platform.platform(), "processors": os.cpu_count(), "processor": processor_name(),
               "load": os.getloadavg()[0]}
    return {"program": program, "machine": machine, "sections": sections, "instructions_per_byte": instructions}


def json_of_section(section: Section) -> dict:
    rows = []
    for row in section.rows:
        entry = {"name": row.name, "failures": [usage.failure for usage in row.usages if usage.failure]}
        if row.usages and not entry["failures"]:
            entry |= {
                "wall_s": asdict(Spread.of(row.values("wall"))) | {"all": row.values("wall")},
                "cpu_s": asdict(Spread.of(row.values("cpu"))) | {"all": row.values("cpu")},
                "peak_mib": max(row.values("peak_mib")),
                "zip_bytes": row.zip_bytes or None,
                "note": row.note(),
            }
            if bar := section.bar_of(row):
                entry["times_as_fast"] = {"as": bar.name, "wall": asdict(times_faster(row, bar, "wall")),
                                          "cpu": asdict(times_faster(row, bar, "cpu"))}
        rows.append(entry)
    return {"name": section.name, "title": section.title, "input_bytes": section.input_bytes, "rows": rows,
            "failures": section.failures}


def processor_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        return platform.processor()


def write_json(path: str, document: dict) -> None:
    with open(path, "w", encoding="utf-8") as out:
        json.dump(document, out, indent=1)
        out.write("\n")
