"""python_zipfile.py TREE ZIP: what the log collector of the Azure Linux agent does, as a process of its own."""

import os
import sys
import zipfile

tree, target = sys.argv[1:]
with zipfile.ZipFile(target, "w", compression=zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(folder, name)
            archive.write(path, os.path.relpath(path, tree))
