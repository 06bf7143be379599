"""Takes the DLLs out of published Windows wheels again, repairs the rest, and holds the result beside delvewheel's.

usage: windows_repair.py --truewheel PATH [--only TEXT]...

Each wheel loses its DLLs: they go to a directory under their first names, every file names them so again, and the code
that delvewheel had put into packages is taken out. truewheel and delvewheel then repair the same wheel with the same
directory to look in, one after the other in one run. Checked for each wheel:

- the DLLs of both results have the same names; a DLL that the first repair left untouched has its published name;
- given `--layout libs`, truewheel patches no package that delvewheel leaves alone, and all that lead to modules which
  need a DLL; as it would by itself, it also patches none where the modules lie in one directory;
- the syntax tree of a patched `__init__.py` is what it was but for what was put in, with the same docstring;
- every DLL that was taken out and that a file names lies beside it or in a directory that the packages name when a
  Python runs what was put in, with `os.add_dll_directory` recorded;
- LIEF and pefile read the same imports as our reader, and pefile has no warning;
- under wine, with these directories and no others, every 64-bit file loads that loaded in the published wheel.

Where truewheel refuses, delvewheel must refuse too, or the msvcp140.dll that was taken out be older than the toolset of
a module. Then both get that of shapely's wheel, which is newer.
Exit status 0: no problem; 1: at least one; 77: nothing could be run.
"""

import argparse
import ast
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import fetch
import pe
import pe_reader as reader
import pe_wine
import wheel_file
from processes import PYTHON_REASON, Run, keep_environment, python_is_right, run, skip

HASH = re.compile(r"-[0-9a-f]{32}(?=\.dll$)", re.IGNORECASE)
START, END = "# start delvewheel patch", "# end delvewheel patch"

# Imports nothing of the package: runs what was put into one `__init__.py`, and prints the directories that it names.
NAMED = """
import os, sys
named = []
os.add_dll_directory = named.append
path = sys.argv[1]
source = open(path, encoding="utf-8").read()
start, end = source.index("# start delvewheel patch"), source.index("# end delvewheel patch")
exec(compile(source[start:end], path, "exec"), {"__file__": path, "__name__": "package"})
print("\\n".join(named))
"""

# Gives DLLs their first names again in many files: a file and its names on each line.
RENAME = """
import json, sys
from delvewheel import _dll_utils
for line in sys.stdin:
    path, names = json.loads(line)
    _dll_utils.replace_needed(path, list(names), names, False, True)
"""


@dataclass
class Tools:
    """The programs; no wine when there is none."""

    truewheel: Path
    python: Path
    wine: pe_wine.Wine | None

    @property
    def delvewheel(self) -> list:
        return [self.python, "-m", "delvewheel"]


@dataclass
class Bare:
    """A wheel without its DLLs, where they are, and their first names by the published ones."""

    wheel: Path
    tree: Path
    libraries: Path
    names: dict[str, str]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, required=True, help="the program")
    parser.add_argument("--only", action="append", default=[], help="only wheels whose name has this in it")
    return parser.parse_args()


def binaries(tree: Path) -> list[Path]:
    """Every PE file of a tree."""
    found = [path for path in sorted(tree.rglob("*")) if path.is_file()]
    return [path for path in found if path.suffix.lower() in (".pyd", ".dll", ".exe")]


def needed(path: Path) -> list[str]:
    """The DLLs that a file names."""
    file = reader.File(path.read_bytes())
    return [one.name for one in file.imports + file.delay_imports]


def take_out(published: Path, scratch: Path, python: Path) -> Bare:
    """Undoes a repair."""
    tree, libraries = scratch / "tree", scratch / "libraries"
    wheel_file.unpack(published, tree)
    libraries.mkdir()
    names: dict[str, str] = {}
    for path in binaries(tree):
        # pywin32's DLLs are what it is there for.
        if path.suffix.lower() == ".dll" and not published.name.startswith("pywin32"):
            names[path.name] = HASH.sub("", path.name)
            shutil.move(path, libraries / names[path.name])
    edits = []
    for path in binaries(tree) + binaries(libraries):
        changes = {old: names[old] for old in needed(path) if names.get(old, old) != old}
        edits += [json.dumps([str(path), changes])] if changes else []
    done = subprocess.run([python, "-c", RENAME], input="\n".join(edits), capture_output=True, text=True, timeout=3600)
    if done.returncode != 0:
        raise SystemExit(f"{published.name}: the first names cannot be given back: {done.stderr[-600:]}")
    for path in tree.rglob("*.py"):
        text = path.read_bytes()
        if START.encode() in text:
            start, end = text.index(START.encode()), text.index(END.encode()) + len(END)
            path.write_bytes(text[:start] + text[end:])
    for path in [*tree.rglob("DELVEWHEEL"), *tree.rglob(".load-order*")]:
        path.unlink()
    wheel = scratch / published.name
    wheel_file.pack(tree, wheel)
    return Bare(wheel, tree, libraries, names)


def dlls(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted({Path(name).name for name in archive.namelist() if name.lower().endswith(".dll")})


def patched(wheel: Path) -> set[str]:
    """Members that have code which names directories."""
    with zipfile.ZipFile(wheel) as archive:
        sources = [name for name in archive.namelist() if name.endswith(".py")]
        return {name for name in sources if START.encode() in archive.read(name)}


def published_names(bare: Bare, published: Path, result: Path) -> tuple[int, list[str]]:
    """How many DLLs have their published names again, of those whose name only tells of their own bytes, which the
    first repair left as they were."""
    ours, count, problems = set(dlls(result)), 0, []
    with zipfile.ZipFile(published) as archive:
        for member in archive.namelist():
            name = Path(member).name
            digits = HASH.search(name)
            library = bare.libraries / HASH.sub("", name)
            if digits is None or archive.read(member) != library.read_bytes():
                continue
            if not fetch.sha256(library).startswith(digits[0][1:]):
                continue
            count += name in ours
            problems += [] if name in ours else [f"{name} has another name in our result: {sorted(ours)}"]
    return count, problems


def syntax_problems(before: Path, after: Path) -> list[str]:
    """Where a patched source is not its old self with something put in."""
    old, new = (ast.parse(path.read_bytes()) for path in (before, after))
    if ast.get_docstring(old, clean=False) != ast.get_docstring(new, clean=False):
        return [f"{after.name}: the docstring is another"]
    first, second = ([ast.dump(node) for node in tree.body] for tree in (old, new))
    more = len(second) - len(first)
    if more > 0 and any(second[:at] + second[at + more :] == first for at in range(len(first) + 1)):
        return []
    return [f"{after}: more changed than was put in"]


def patch_problems(bare: Bare, result: Path, tree: Path, by_delvewheel: set[str] | None) -> list[str]:
    """What is wrong with the packages that were patched, given `--layout libs`."""
    found = []
    ours = patched(result)
    for name in ours:
        found += syntax_problems(bare.tree / name, tree / name)
    if by_delvewheel is not None and not ours <= by_delvewheel:
        found.append(f"patched: {sorted(ours - by_delvewheel)}, which delvewheel leaves alone")
    return found


def named_directories(tree: Path) -> list[Path]:
    """What the packages of an installed wheel name."""
    found = []
    for path in sorted(tree.rglob("*.py")):
        if START.encode() in path.read_bytes():
            done = run([sys.executable, "-c", NAMED, path]).require()
            found += [Path(line) for line in done.output.splitlines()]
    return list(dict.fromkeys(found))


def closure_problems(tree: Path, directories: list[Path], bare: Bare) -> list[str]:
    """Names of DLLs that were taken out and that Windows would not find."""
    brought = {name.lower() for name in bare.names.values()}
    problems = [f"{place} is named and is not there" for place in directories if not place.is_dir()]
    for path in binaries(tree):
        for name in needed(path):
            is_there = any((place / name).is_file() for place in [path.parent, *directories])
            if HASH.sub("", name.lower()) in brought and not is_there:
                problems.append(f"{path.relative_to(tree)} needs {name}, which is nowhere")
    return problems


def read_problems(python: Path, tree: Path) -> list[str]:
    """What LIEF and pefile read otherwise than our reader."""
    views = []
    for path in binaries(tree):
        file = reader.File(path.read_bytes())
        tables = file.imports, file.delay_imports
        views.append((path, [[[one.name, list(one.symbols)] for one in table] for table in tables]))
    return pe.peer_problems(python, views) if views else []


def wine_problems(wine: pe_wine.Wine, scratch: Path, published: Path, tree: Path) -> tuple[str, list[str]]:
    """How many files load as they did in the published wheel; and those that do not."""
    before = scratch / "published"
    wheel_file.unpack(published, before)
    directories = named_directories(tree)
    stubs = pe_wine.python_stubs(scratch / "wine", binaries(tree))
    modules = [path for path in binaries(before) if path.suffix == ".pyd"]
    old = wine.load(modules, [stubs, *sorted({p.parent for p in binaries(before) if p.suffix == ".dll"})])
    new = wine.load([tree / path.relative_to(before) for path in modules], [stubs, *directories])
    bad = []
    good = [path.relative_to(before) for path, result in old.items() if result.startswith("ok")]
    for path in good:
        if not new[tree / path].startswith("ok"):
            bad.append(f"{path}: wine says {new[tree / path]}, and loads the published one")
    return f"{len(good) - len(bad)} of {len(modules)}", bad


def with_runtime(bare: Bare, published: Path) -> bool:
    """Puts the msvcp140.dll of shapely's wheel for the same machine, which is of 14.44, among the libraries."""
    platform = min(wheel_file.platforms(published.name))
    sources = [pin.path for pin in fetch.pins("pe") if pin.name.startswith("shapely-") and platform in pin.name]
    if published in sources or not sources or not sources[0].exists():
        return False
    with zipfile.ZipFile(sources[0]) as archive:
        name = next(name for name in archive.namelist() if "/msvcp140-" in name)
        (bare.libraries / "msvcp140.dll").write_bytes(archive.read(name))
    bare.names.setdefault("msvcp140.dll", "msvcp140.dll")
    return True


def refusal_problems(ours: Run, theirs: Run) -> list[str]:
    """What is wrong with a refusal: delvewheel finds all, and no runtime is older than the toolset."""
    if theirs.status != 0:
        return []
    found = re.search(r"toolset (\d+)\.(\d+), and .*msvcp140\.dll is of the older version (\d+)\.(\d+)", ours.output)
    if found and (int(found[1]), int(found[2])) > (int(found[3]), int(found[4])):
        return []
    return [ours.output.strip()]


def repair(bare: Bare, tools: Tools, output: Path) -> tuple[Run, Run]:
    """truewheel's run and delvewheel's."""
    ours = run([tools.truewheel, "repair", "-w", output / "ours", "--lib-path", bare.libraries, bare.wheel])
    words = ["repair", "-w", output / "theirs", "--add-path", bare.libraries, bare.wheel]
    return ours, run([*tools.delvewheel, *words])


def check(published: Path, tools: Tools, scratch: Path) -> tuple[list, list[str]]:
    """Everything about one wheel; returns the cells of its row and the problems."""
    bare = take_out(published, scratch, tools.python)
    before = fetch.sha256(bare.wheel)
    count, found, outputs, first = len(bare.names), [], scratch, "–"
    ours, theirs = repair(bare, tools, outputs)
    if ours.status != 0:
        found += refusal_problems(ours, theirs)
        first = "msvcp140 too old" if theirs.status == 0 else "both refuse"
        if "msvcp140" in ours.output.lower() and with_runtime(bare, published):
            outputs = scratch / "again"
            ours, theirs = repair(bare, tools, outputs)
    times = [f"{ours.seconds:.2f}", f"{theirs.seconds:.2f}", f"{theirs.seconds / ours.seconds:.1f}"]
    if ours.status != 0:
        found += refusal_problems(ours, theirs)
        name = re.search(r"`([^`]+)`", ours.output)
        return [count, first, f"{name[1] if name else 'a DLL'} is nowhere", "–", "–", "–", *times], found
    words = ["-w", outputs / "libs", "--lib-path", bare.libraries, bare.wheel]
    libs = run([tools.truewheel, "repair", "--layout", "libs", *words])
    if libs.status != 0:
        return [count, first, "refused", "–", "–", "–", *times], [*found, f"--layout libs: {libs.output.strip()}"]
    results = {layout: outputs / layout / bare.wheel.name for layout in ("ours", "libs")}
    other = outputs / "theirs" / bare.wheel.name if theirs.status == 0 else None
    cells, problems = compare(bare, published, results, other)
    loads, more = look(bare, published, results, tools, scratch, patched(other) if other else None)
    problems += more
    if fetch.sha256(bare.wheel) != before:
        problems.append("the input was changed")
    return [count, first, *cells, loads, *times], found + problems


def compare(bare: Bare, published: Path, results: dict[str, Path], other: Path | None) -> tuple[list, list[str]]:
    """Names and patched packages beside delvewheel's, and names beside the published ones."""
    kept, problems = published_names(bare, published, results["ours"])
    packages = f"{len(patched(results['ours']))} / {len(patched(results['libs']))} / "
    if other is None:
        return ["delvewheel refuses", kept, f"{packages}–"], problems
    if dlls(results["ours"]) == dlls(results["libs"]) == dlls(other):
        same = "same"
    else:
        same = "others"
        problems.append(f"names: {dlls(results['ours'])}, {dlls(results['libs'])}, delvewheel's {dlls(other)}")
    return [same, kept, f"{packages}{len(patched(other))}"], problems


def look(
    bare: Bare, published: Path, results: dict[str, Path], tools: Tools, scratch: Path, by_delvewheel: set[str] | None
) -> tuple[str, list[str]]:
    """What wine loads, and all that is wrong with each result."""
    loaded, found = [], []
    for layout, result in results.items():
        tree = scratch / f"{layout}-installed"
        wheel_file.unpack(result, tree)
        problems = wheel_file.problems(result) + wheel_file.copy_problems(bare.wheel, result)
        problems += patch_problems(bare, result, tree, by_delvewheel)
        problems += closure_problems(tree, named_directories(tree), bare)
        problems += read_problems(tools.python, tree)
        if tools.wine is not None and "amd64" in published.name:
            number, bad = wine_problems(tools.wine, scratch / f"{layout}-wine", published, tree)
            loaded.append(number)
            problems += bad
        found += [f"{layout}: {problem}" for problem in problems]
    return "; ".join(dict.fromkeys(loaded)) or "–", found


def find_tools(truewheel: Path, present: list[fetch.Pin]) -> Tools | None:
    """What is here; `None` without the peers."""
    peers = [pin.path for pin in present if pin.name.startswith(("lief-", "pefile-", "delvewheel-"))]
    if len(peers) != 3:
        return None
    wine = pe_wine.find()
    if isinstance(wine, str):
        print(f"skipped: loading under wine: {wine}", file=sys.stderr)
        wine = None
    python = keep_environment(fetch.cache_directory() / "windows-repair-venv", peers)
    return Tools(truewheel.absolute(), python, wine)


COLUMNS = ["DLLs taken out", "at first", "names", "of these as published", "packages patched: by itself / libs / delvewheel",
           "loaded by wine", "s", "delvewheel's s", "ratio"]  # fmt: skip


def main() -> int:
    options = arguments()
    if not python_is_right():
        return skip(PYTHON_REASON)
    present, missing = fetch.fetch("pe")
    wheels = [pin for pin in present if "-win" in pin.name]
    wheels = [pin for pin in wheels if not options.only or any(text in pin.name for text in options.only)]
    tools = find_tools(options.truewheel, present)
    if not wheels or tools is None:
        return skip(f"no wheels, or not LIEF, pefile and delvewheel; missing: {missing}")
    total = []
    print("| wheel | " + " | ".join(COLUMNS) + " |\n|---" + "|---" * len(COLUMNS) + "|")
    for pin in wheels:
        with tempfile.TemporaryDirectory(dir=fetch.cache_directory(), prefix="windows-repair-") as scratch:
            cells, found = check(pin.path, tools, Path(scratch))
        short = pin.name.removesuffix(".whl").replace("-cp311", "")
        print(f"| {short} | " + " | ".join(map(str, cells)) + " |", flush=True)
        total += [f"{short}: {problem}" for problem in found]
    for name, reason in missing.items():
        print(f"skipped: {name}: {reason}")
    print(f"\n{len(wheels)} wheels, {len(total)} problems")
    for problem in total:
        print(f"- {problem}")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
