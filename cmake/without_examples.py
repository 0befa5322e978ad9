"""Copies rule files without what only tests and readers of the source need: examples (<match>, <miss>), comments, indentation.

    without_examples.py FOLDER FILE...     # writes FOLDER/<name of the file>
"""

import pathlib
import re
import sys

EXAMPLE = re.compile(r"<(match|miss)>(?:<!\[CDATA\[.*?\]\]>|[^<])*</\1>", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
INDENTATION = re.compile(r"\n\s+")


def main(folder: str, *files: str) -> None:
    for file in map(pathlib.Path, files):
        text = file.read_text(encoding="utf-8")
        for what, instead in ((EXAMPLE, ""), (COMMENT, ""), (INDENTATION, "\n")):
            text = what.sub(instead, text)
        pathlib.Path(folder, file.name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
