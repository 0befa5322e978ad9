"""Copies data files without what only readers of the source and tests need: a fifth of them.

    compact_data.py FROM TO FILE...     # FROM/analyzers/rules/x.xml becomes TO/analyzers/rules/x.xml

Left out are comments, the examples of rules (<match>, <miss>) and indentation; a text over several lines becomes one.
"""

import pathlib
import re
import sys

EXAMPLE = re.compile(r"<(match|miss)>(?:<!\[CDATA\[.*?\]\]>|[^<])*</\1>", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
BETWEEN = re.compile(r">\s*\n\s*<")
LINE_END = re.compile(r"\s*\n\s*")


def compact(text: str) -> str:
    for what, instead in ((EXAMPLE, ""), (COMMENT, ""), (BETWEEN, "><"), (LINE_END, " ")):
        text = what.sub(instead, text)
    return text


def main(source: str, target: str, *files: str) -> None:
    for file in files:
        text = pathlib.Path(source, file).read_text(encoding="utf-8")
        copy = pathlib.Path(target, file)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(compact(text).encode("utf-8"))


if __name__ == "__main__":
    main(*sys.argv[1:])
