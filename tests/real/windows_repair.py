"""Takes the DLLs out of published Windows wheels again, repairs the rest, and holds the result beside delvewheel's.

usage: windows_repair.py --truewheel PATH [--only TEXT]...

Each wheel loses its DLLs: they go to a directory under their first names, every file names them so again, and the code
that delvewheel had put into packages is taken out. truewheel and delvewheel then repair the same wheel with the same
directory to look in. The DLLs of both must have the same names. Of our result, every DLL that a file names must lie
beside it or in a directory that the packages name when they are imported by a Python, which is run; and under wine, with
those directories and no others, every 64-bit file loads that loaded in the published wheel.
Exit status 0: no failure; 1: at least one; 77: nothing could be run.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import fetch
import pe_reader as reader
import pe_wine
import wheel_file
from processes import PYTHON_REASON, make_environment, python_is_right, run, skip

HASH = re.compile(r"-[0-9a-f]{32}(?=\.dll$)")
START, END = "# start delvewheel patch", "# end delvewheel patch"

# Imports nothing of the package: runs the code of one `__init__.py` alone, and prints the directories that it names.
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


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, required=True, help="the program")
    parser.add_argument("--only", action="append", default=[], help="only wheels whose name has this in it")
    return parser.parse_args()


def binaries(tree: Path) -> list[Path]:
    """Every PE file of a tree."""
    found = [path for path in sorted(tree.rglob("*")) if path.is_file()]
    return [path for path in found if path.suffix.lower() in (".pyd", ".dll", ".exe")]


def take_out(wheel: Path, scratch: Path, delvewheel: list) -> tuple[Path, Path, int]:
    """The wheel without its DLLs, the directory with them, and how many they are."""
    tree, libraries = scratch / "tree", scratch / "libraries"
    wheel_file.unpack(wheel, tree)
    libraries.mkdir()
    names: dict[str, str] = {}
    for path in binaries(tree):
        if path.suffix.lower() == ".dll" and not path.name.startswith(("python", "pywintypes")):
            names[path.name] = HASH.sub("", path.name)
            shutil.move(path, libraries / names[path.name])
    for path in binaries(tree) + binaries(libraries):
        file = reader.File(path.read_bytes())
        named = {one.name for one in file.imports + file.delay_imports}
        changes = [w for old, new in names.items() if old in named and old != new for w in ("-change", old, new)]
        if changes:
            run([*delvewheel, "replace-needed", *changes, path]).require()
    for path in tree.rglob("*.py"):
        text = path.read_bytes()
        if START.encode() in text:
            start, end = text.index(START.encode()), text.index(END.encode()) + len(END)
            path.write_bytes(text[:start] + text[end:])
    for path in [*tree.rglob("DELVEWHEEL"), *tree.rglob(".load-order*")]:
        path.unlink()
    bare = scratch / wheel.name
    wheel_file.pack(tree, bare)
    return bare, libraries, len(names)


def dlls(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return sorted(Path(name).name for name in archive.namelist() if name.lower().endswith(".dll"))


def patched(wheel: Path) -> list[str]:
    """Members that have code which names directories."""
    with zipfile.ZipFile(wheel) as archive:
        sources = [name for name in archive.namelist() if name.endswith(".py")]
        return [name for name in sources if START.encode() in archive.read(name)]


def named_directories(tree: Path) -> list[Path]:
    """What the packages of an installed wheel name."""
    found = []
    for path in sorted(tree.rglob("__init__.py")):
        if START.encode() in path.read_bytes():
            done = run([sys.executable, "-c", NAMED, path]).require()
            found += [Path(line) for line in done.output.splitlines()]
    return found


def closure_problems(tree: Path, directories: list[Path], brought: set[str]) -> list[str]:
    """Names of DLLs that were taken out and that Windows would not find."""
    problems = []
    for path in binaries(tree):
        file = reader.File(path.read_bytes())
        for one in file.imports + file.delay_imports:
            places = [path.parent, *directories]
            plain = HASH.sub("", one.name.lower())
            if plain in brought and not any((place / one.name).is_file() for place in places):
                problems.append(f"{path.relative_to(tree)} needs {one.name}, which is nowhere")
    return problems


def wine_problems(wine, scratch: Path, published: Path, tree: Path, directories: list[Path]) -> tuple[int, list[str]]:
    """Files that load in the published wheel and not in ours."""
    before = scratch / "published"
    wheel_file.unpack(published, before)
    stubs = pe_wine.python_stubs(scratch, binaries(tree))
    old = wine.load(binaries(before), [stubs, *{p.parent for p in binaries(before) if p.suffix == ".dll"}])
    old = {path.relative_to(before): result for path, result in old.items() if path.suffix == ".pyd"}
    new = wine.load([path for path in binaries(tree) if path.suffix == ".pyd"], [stubs, *directories])
    new = {path.relative_to(tree): result for path, result in new.items()}
    good = [path for path, result in old.items() if result.startswith("ok")]
    bad = [f"{path}: wine says {new.get(path)}, and said {old[path]}" for path in good if new.get(path) != old[path]]
    return len(good) - len(bad), bad


def one(wheel: Path, truewheel: Path, delvewheel: list, wine) -> tuple[str, list[str]]:
    with tempfile.TemporaryDirectory(dir=fetch.cache_directory()) as directory:
        scratch = Path(directory)
        bare, libraries, count = take_out(wheel, scratch, delvewheel)
        ours = run([truewheel, "repair", "-w", scratch / "ours", "--lib-path", libraries, bare])
        theirs = run([*delvewheel, "repair", "-w", scratch / "theirs", "--add-path", libraries, bare])
        if ours.status != 0 and theirs.status != 0:
            # 32-bit NumPy needs a runtime that it does not bring.
            reason = ours.output.partition("whl: ")[2].splitlines()[0]
            return f"| {wheel.name} | {count} | both refuse: {reason} | | | | |", []
        if ours.status != 0:
            return f"| {wheel.name} | {count} | refused | | | | |", [f"{wheel.name}: {ours.output.strip()}"]
        result = scratch / "ours" / bare.name
        problems = wheel_file.problems(result)
        if result.read_bytes() != bare.read_bytes():
            problems += wheel_file.copy_problems(bare, result)
        tree = scratch / "installed"
        wheel_file.unpack(result, tree)
        directories = named_directories(tree)
        problems += closure_problems(tree, directories, {path.name.lower() for path in libraries.iterdir()})
        same = "refused"
        if theirs.status == 0:
            other = scratch / "theirs" / bare.name
            same = "yes" if sorted(set(dlls(result))) == sorted(set(dlls(other))) else "no"
            if same == "no":
                problems.append(f"names differ: {dlls(result)} and {dlls(other)}")
            same += f", {len(patched(result))} packages patched, {len(patched(other))}"
        loaded = ""
        if wine is not None and "amd64" in wheel.name:
            number, bad = wine_problems(wine, scratch, wheel, tree, directories)
            loaded, problems = str(number), problems + bad
        times = f"{ours.seconds:.2f} s | {theirs.seconds:.2f} s"
        line = f"| {wheel.name} | {count} | {len(dlls(result))} | {same} | {loaded} | {times} |"
        return line, [f"{wheel.name}: {problem}" for problem in problems]


def main() -> int:
    typed = arguments()
    if not python_is_right():
        return skip(PYTHON_REASON)
    pins, missing = fetch.fetch("pe")
    for name, reason in missing.items():
        print(f"skipped: {name}: {reason}")
    peers = [pin.path for pin in pins if pin.name.startswith(("delvewheel", "pefile"))]
    wheels = [pin.path for pin in pins if "-win" in pin.name and all(word in pin.name for word in typed.only)]
    if not wheels or not any(path.name.startswith("delvewheel") for path in peers):
        return skip("the wheels or delvewheel could not be had")
    python = make_environment(fetch.cache_directory() / "windows-venv", peers)
    delvewheel = [python, "-m", "delvewheel"]
    wine = pe_wine.find()
    if isinstance(wine, str):
        print(f"skipped: loading under wine: {wine}")
        wine = None
    print("| wheel | DLLs taken out | DLLs in our result | names as delvewheel's | modules loaded | we | delvewheel |")
    print("|---|---|---|---|---|---|---|")
    failures = []
    for wheel in wheels:
        line, problems = one(wheel, typed.truewheel.resolve(), delvewheel, wine)
        print(line, flush=True)
        failures += problems
    for failure in failures:
        print(f"failure: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
