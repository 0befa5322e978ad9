#!/usr/bin/env python3
"""What Linux says of a bundle that vmtriage.exe made on a running Windows VM.

    check_bundle.py BUNDLE.zip VMTRIAGE

unzip, Python and `vmtriage verify` have to accept it, and `vmtriage analyze` has to find in the same evidence what
vmtriage.exe found.
"""

import json
import subprocess
import sys
import zipfile


def run(*command) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def evidence_part(report: dict, origins: dict) -> dict:
    """What a findings.json says about the evidence: the machine, and what could not be read there, differ by nature."""
    text = json.dumps({"findings": report["findings"], "consistency": report["verdict"]["consistency"]})
    said = json.loads(text, object_hook=lambda node: with_origin(node, origins))
    return {key: sorted(json.dumps(row, sort_keys=True, ensure_ascii=False, indent=1) for row in rows)
            for key, rows in said.items()}


def with_origin(node: dict, origins: dict) -> dict:
    """A file of the bundle is called by the name that it had on the VM."""
    if "origin" in node:
        node["origin"] = origins.get(node["origin"].partition("/")[2], node["origin"])
    return node


def main() -> int:
    bundle, vmtriage = sys.argv[1:]
    problems = []
    unzipped = run("unzip", "-tq", bundle)
    if unzipped.returncode != 0:
        problems.append(f"unzip -t: {unzipped.stdout}{unzipped.stderr}")
    with zipfile.ZipFile(bundle) as archive:
        if damaged := archive.testzip():
            problems.append(f"Python: {damaged} is damaged")
        name = next(name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/findings.json"))
        there = json.loads(archive.read(name))
        manifest = json.loads(archive.read(name.replace("/findings.json", "/manifest.json")))
    verified = run(vmtriage, "verify", bundle)
    if verified.returncode != 0:
        problems.append(f"verify: {verified.stdout}{verified.stderr}")
    analyzed = run(vmtriage, "analyze", "--format", "json", bundle)
    here = evidence_part(json.loads(analyzed.stdout), {file["path"]: file["origin"] for file in manifest["files"]})
    there = evidence_part(there, {})
    for key, rows in here.items():
        for row in set(rows) ^ set(there[key]):
            problems.append(f"{key}, only {'on Linux' if row in rows else 'in the bundle'}:\n{row}")
    for problem in problems:
        print(f"{bundle}: {problem}", file=sys.stderr)
    if not problems:
        print(f"{bundle}: sound; the same {len(here['findings'])} findings on Linux")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
