"""The licences of the crates that are linked into truewheel, as one text.

They ask that their notice goes with every copy. The text is that of the files in each crate's sources, those of the C
code that some bring included; one that many crates share stands there once. Every crate is named with what its
manifest says.
"""

import json
import re
import subprocess
from collections import deque
from pathlib import Path

NAME = "third-party-crates.txt"
IS_LICENSE = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)([-_.].*)?$", re.IGNORECASE)


def add(root: Path, tree: Path, target: str) -> None:
    """Puts the text into an unpacked wheel, and names it in METADATA as PEP 639 says."""
    (info,) = tree.glob("*.dist-info")
    (info / "licenses" / NAME).write_text(text(root, target), encoding="utf-8")
    metadata = (info / "METADATA").read_text(encoding="utf-8")
    head, body = metadata.split("\n\n", 1)
    (info / "METADATA").write_text(f"{head}\nLicense-File: {NAME}\n\n{body}", encoding="utf-8")


def text(root: Path, target: str) -> str:
    users: dict[str, list[str]] = {}
    crates = linked(root, target)
    for crate in crates:
        directory = Path(crate["manifest_path"]).parent
        for path in sorted(path for path in directory.rglob("*") if is_license(path)):
            words = path.read_text(encoding="utf-8", errors="replace").strip()
            users.setdefault(words, []).append(f"{crate['name']} {crate['version']}")
    parts = ["truewheel is built with these Rust packages:\n"]
    parts += [f"  {crate['name']} {crate['version']}: {crate['license']}" for crate in crates]
    for words, names in users.items():
        parts.append(f"\n{'-' * 100}\n{', '.join(names)}\n{'-' * 100}\n\n{words}")
    return "\n".join(parts) + "\n"


def is_license(path: Path) -> bool:
    return bool(IS_LICENSE.match(path.name)) and path.suffix != ".rs" and path.is_file()


def linked(root: Path, target: str) -> list[dict]:
    """Every package of a registry that the program is linked from on `target`, sorted."""
    words = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    about = json.loads(subprocess.run(words, cwd=root, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in about["packages"]}
    nodes = {node["id"]: node for node in about["resolve"]["nodes"]}
    found, waiting = set(), deque([about["resolve"]["root"]])
    while waiting:
        name = waiting.popleft()
        if name in found:
            continue
        found.add(name)
        for dependency in nodes[name]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    crates = [packages[name] for name in found if packages[name]["source"]]
    return sorted(crates, key=lambda crate: (crate["name"], crate["version"]))
