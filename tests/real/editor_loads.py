"""Whether the files of one wheel still load after their edits: by this machine's loader, or by their own.

x86_64 glibc files are opened with dlopen, each in a process of its own (`load_each.py`). Others are listed by the
loader of their system (`loaders.py`), which relocates them but has no Python to offer: symbols of Python are missing
before and after. Either way it is a fault only if it was none before the edit.
"""

import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from editor_plan import Plan, copy_host_libraries
from loaders import Loader
from processes import run

# The states of one wheel's tree: as it came, and after each edit. Each is also there stripped.
TREES = ("before", "first", "second")
SUFFIXES = ("", "-stripped")


def host_libraries() -> dict[str, str]:
    """What this machine's x86_64 loader finds by itself: path by name."""
    known: dict[str, str] = {}
    for line in run(["/sbin/ldconfig", "-p"]).output.splitlines():
        if "=>" in line and "x86-64" in line:
            known.setdefault(line.split()[0], line.split("=>")[1].strip())
    return known


def native_faults(root: Path, tree: str, names: list[str]) -> dict[str, set[str]]:
    """What dlopen says to each file of a tree; nothing where it loads."""
    paths = {name: str(root / tree / name) for name in names}
    present = [path for path in paths.values() if os.path.exists(path)]
    listing = root / "to-load.txt"
    listing.write_text("\n".join(present) + "\n" * bool(present))
    done = run([sys.executable, Path(__file__).with_name("load_each.py"), listing]).require()
    words = json.loads(done.output.splitlines()[-1])
    said = {name: words.get(path, "absent") for name, path in paths.items()}
    return {name: set() if text == "ok" else {"does not load: " + text} for name, text in said.items()}


def foreign_faults(root: Path, tree: str, names: list[str], loader: Loader, workers: ThreadPoolExecutor):
    """What the files' own loader says to each."""

    def faults(name: str) -> set[str]:
        path = root / tree / name
        return loader.faults(path, root / tree) if path.exists() else {"absent"}

    return dict(zip(names, workers.map(faults, names)))


def is_whole(faults: set[str]) -> bool:
    """Whether a file loaded, but for the Python it is meant to be loaded into."""
    return all(fault.startswith(("undefined symbol Py", "undefined symbol _Py")) for fault in faults)


def check_loads(
    root: Path, plan: Plan, loader: Loader | None, workers: ThreadPoolExecutor
) -> tuple[Counter[str], list[str]]:
    """How many files load in each state of the tree, and which no longer do. No loader: this machine's."""
    originals = list(plan.edits)
    known = host_libraries() if loader is None else loader.host_libraries()
    loads: Counter[str] = Counter()
    problems = []
    for suffix in SUFFIXES:
        faults = {}
        for number, tree in enumerate(TREES):
            names = originals if number == 0 else [plan.edits[name][number - 1].path for name in originals]
            if number:
                copy_host_libraries(plan.host_names[number - 1], root / f"{tree}{suffix}", known)
            if loader is None:
                said = native_faults(root, f"{tree}{suffix}", names)
            else:
                said = foreign_faults(root, f"{tree}{suffix}", names, loader, workers)
            faults[tree] = [said[name] for name in names]
            loads[f"{tree}{suffix}"] = sum(is_whole(words) for words in faults[tree])
        everywhere = set().union(*faults["before"])
        for tree in TREES[1:]:
            for name, old, new in zip(originals, faults["before"], faults[tree]):
                # dlopen stops at the first fault, in words that hold the file's path: any was there, any may be.
                fresh = sorted(new - old) if loader is not None or not old else []
                # What found too little before now finds more of the wheel, and meets the faults those files had.
                if not is_whole(old):
                    fresh = [fault for fault in fresh if fault not in everywhere]
                if fresh:
                    problems.append(f"{name}: {tree}{suffix}: {'; '.join(fresh[:3])}")
    return loads, problems
