"""The founding case for Windows: modules that are cross-built here against OpenBLAS, repaired here, loaded by wine.

usage: windows_founding.py --truewheel PATH [--only TEXT]...

mingw-w64 and `zig cc` build two modules and a DLL against the OpenBLAS DLLs of `scipy-openblas32` and
`scipy-openblas64`, with symbols and DWARF behind the last section as those linkers leave them. One module needs
OpenBLAS itself, the other by way of the DLL. Both lie in one directory (`beside`), or in two (`libs`), where a package
must name the directory; once more with sections that have no padding. Checked for each wheel:

- the names are those that delvewheel gives, which is given `--strip` where it refuses without;
- symbols and DWARF entries of every file are those that were built, though truewheel strips nothing;
- a Python that imports the package, with `os.add_dll_directory` recorded, names the directories that are wanted and no
  others, and package and docstring are otherwise as before;
- wine loads both modules with these directories and no others, and OpenBLAS calculates; without them it loads none;
- repaired again, the wheel keeps every byte, and the input is never touched;
- with `--include-imports` OpenBLAS's import library comes along, and what is linked with it needs the DLL under the name
  that it has in the wheel.

Exit status 0: no problem; 1: at least one; 77: nothing could be run.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import fetch
import pe_reader as reader
import pe_wine
import wheel_file
from processes import PYTHON_REASON, keep_environment, python_is_right, run, skip

SOURCES = Path(__file__).with_name("pe_founding")
VALUE = 2 * 5050

INIT = b'''"""A package with modules in C."""
from __future__ import annotations

late: Undefined = 5
'''

# Imports the package for real, but that this is no Windows: the directories are recorded.
IMPORT = """
import json, os, sys
named = []
os.add_dll_directory = named.append
sys.path.insert(0, sys.argv[1])
import demo
left = sorted(name for name in vars(demo) if not name.startswith("__"))
print(json.dumps([named, demo.__doc__, left]))
"""


@dataclass(frozen=True)
class Build:
    """What is built: by which compiler, for which machine, against which OpenBLAS."""

    compiler: str
    platform: str
    blas: str

    @property
    def name(self) -> str:
        return f"{self.compiler} {self.platform} {self.blas.split('-')[0]}"


BUILDS = (
    Build("mingw-w64", "win_amd64", "scipy_openblas64-0.3.34.106.0-py3-none-win_amd64.whl"),
    Build("mingw-w64", "win_amd64", "scipy_openblas32-0.3.34.106.0-py3-none-win_amd64.whl"),
    Build("mingw-w64", "win32", "scipy_openblas32-0.3.34.481.3-py3-none-win32.whl"),
    Build("zig cc", "win_amd64", "scipy_openblas64-0.3.34.106.0-py3-none-win_amd64.whl"),
    Build("zig cc", "win32", "scipy_openblas32-0.3.34.481.3-py3-none-win32.whl"),
    Build("zig cc", "win_arm64", "scipy_openblas64-0.3.34.481.3-py3-none-win_arm64.whl"),
)
LAYOUTS = ("beside", "libs", "libs, no padding")
GNU = {"win_amd64": "x86_64-w64-mingw32", "win32": "i686-w64-mingw32"}
ZIG = {"win_amd64": "x86_64-windows-gnu", "win32": "x86-windows-gnu", "win_arm64": "aarch64-windows-gnu"}
DLLTOOL = {"win_amd64": "i386:x86-64", "win32": "i386", "win_arm64": "arm64"}


@dataclass
class Tools:
    """The programs; `None` for what is not here."""

    truewheel: Path
    delvewheel: list
    zig: list | None
    wine: pe_wine.Wine | None


def compiler(build: Build, zig: list | None) -> list | str:
    """The command, or why there is none."""
    if build.compiler == "zig cc":
        return [*zig, "cc", "-target", ZIG[build.platform]] if zig else "ziglang could not be had"
    program = f"{GNU[build.platform]}-gcc"
    return [program] if shutil.which(program) else f"no {program}; install gcc-mingw-w64"


def python_library(build: Build, command: list, directory: Path) -> Path:
    """An import library for what the modules need of Python."""
    definition = directory / "python311.def"
    definition.write_text("LIBRARY python311.dll\nEXPORTS\n    PyModule_Create2\n")
    library = directory / "libpython311.a"
    if build.compiler == "zig cc":
        run([command[0], *command[1:-3], "dlltool", "-m", DLLTOOL[build.platform], "-d", definition, "-l", library],
            ZIG_GLOBAL_CACHE_DIR=zig_cache()).require()  # fmt: skip
    else:
        run([f"{GNU[build.platform]}-dlltool", "-d", definition, "-l", library]).require()
    return library


def zig_cache() -> Path:
    return fetch.cache_directory() / "zig"


def make(build: Build, command: list, scratch: Path) -> dict[str, Path]:
    """The two modules and the DLL between; also where OpenBLAS lies, as `libraries`."""
    blas = scratch / "blas"
    wheel_file.unpack(next(pin.path for pin in fetch.pins("windows-founding") if pin.name == build.blas), blas)
    libraries = next(blas.glob("scipy_openblas*/lib"))
    imports = next(libraries.glob("*.lib"))
    python = python_library(build, command, scratch)
    flags = ["-g", "-O1", "-shared", *(["-DILP64"] if "openblas64" in build.blas else [])]
    helper, helper_imports = libraries / "truewheel_helper.dll", scratch / "helper.lib"
    # zig's linker writes no import library from a name of ours but beside its output.
    implib = f"-Wl,--out-implib,{helper_imports}"
    compile_ = [*command, *flags]
    environment = {"ZIG_GLOBAL_CACHE_DIR": zig_cache(), "ZIG_LOCAL_CACHE_DIR": zig_cache()}
    run([*compile_, SOURCES / "dot.c", imports, "-o", helper, implib], cwd=scratch, **environment).require()
    made = {"libraries": libraries, "helper": helper}
    for name, more in (("_core", [helper_imports]), ("_dot", ["-DDIRECT", imports])):
        made[name] = scratch / f"{name}.pyd"
        words = [f"-DINIT=PyInit_{name}", SOURCES / "module.c", *more, python, "-o", made[name]]
        run([*compile_, *words], cwd=scratch, **environment).require()
    return made


def pack(build: Build, made: dict[str, Path], layout: str, directory: Path) -> Path:
    """A wheel of both modules."""
    tree = directory / "tree"
    (tree / "demo" / "linalg").mkdir(parents=True)
    (tree / "demo" / "__init__.py").write_bytes(INIT)
    (tree / "demo" / "linalg" / "__init__.py").write_bytes(b"")
    shutil.copy(made["_core"], tree / "demo" / "_core.pyd")
    shutil.copy(made["_dot"], tree / "demo" / ("." if layout == "beside" else "linalg") / "_dot.pyd")
    info = tree / "demo-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
    tag = f"cp311-cp311-{build.platform}"
    (info / "WHEEL").write_text(f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: false\nTag: {tag}\n")
    wheel = directory / f"demo-1.0-{tag}.whl"
    wheel_file.pack(tree, wheel)
    return wheel


def without_padding(made: dict[str, Path], directory: Path) -> dict[str, Path]:
    """The same files with no padding: what was some now belongs to its section, so that names need a new one."""
    libraries = directory / "libraries"
    libraries.mkdir(parents=True)
    full = {"libraries": libraries}
    for path in made["libraries"].glob("*.dll"):
        if path != made["helper"]:
            shutil.copy(path, libraries)
    for name, place in (("helper", libraries), ("_core", directory), ("_dot", directory)):
        full[name] = place / made[name].name
        full[name].write_bytes(filled(made[name].read_bytes()))
    return full


def filled(data: bytes) -> bytes:
    """The file with sections as long in memory as in the file."""
    changed = bytearray(data)
    for one in reader.File(data).sections:
        if one.virtual_size < one.raw_size:
            changed[one.header + 8 : one.header + 12] = one.raw_size.to_bytes(4, "little")
    return pe_wine.with_checksum(changed)


def binaries(tree: Path) -> dict[str, Path]:
    """The PE files of a tree by their names without digits."""
    found = [path for path in sorted(tree.rglob("*")) if path.suffix.lower() in (".pyd", ".dll")]
    return {re.sub(r"-[0-9a-f]{32}(?=\.dll$)", "", path.name): path for path in found}


def repair_delvewheel(tools: Tools, wheel: Path, libraries: Path, output: Path) -> tuple[str, Path | None]:
    """How delvewheel could do it, and its wheel."""
    words = [*tools.delvewheel, "repair", "-w", output, "--add-path", libraries]
    done = run([*words, wheel])
    if done.status == 0:
        return "as built", output / wheel.name
    if "strip" not in done.output:
        return f"refuses: {done.output.strip().splitlines()[-1][:120]}", None
    done = run([*words, "--strip", wheel])
    if done.status == 0:
        return "only stripped", output / wheel.name
    return f"refuses with --strip too: {done.output.strip().splitlines()[-1][:120]}", None


def facts(path: Path) -> list[str]:
    """Symbols and DWARF entries. GNU objdump knows no ARM64: there its COFF symbols as bytes."""
    file = reader.File(path.read_bytes())
    if file.machine != "arm64":
        return pe_wine.debug_facts(path)
    if file.symbols is None:
        return []
    start, size = file.symbols
    return [file.data[start : start + size].hex()]


def import_problems(tree: Path, wanted: list[Path]) -> list[str]:
    """What a Python that imports the package does not find as it should."""
    done = subprocess.run([sys.executable, "-c", IMPORT, tree], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        return [f"the package cannot be imported: {done.stderr.strip().splitlines()[-1]}"]
    named, text, left = json.loads(done.stdout)
    found = [] if [Path(one) for one in named] == wanted else [f"the package names {named}, not {wanted}"]
    if text != "A package with modules in C." or left != ["annotations", "late"]:
        found.append(f"the package is another: docstring {text!r}, names {left}")
    return found


def wine_problems(wine: pe_wine.Wine, tree: Path, directories: list[Path], scratch: Path) -> list[str]:
    """Modules that wine does not load with `directories`, or loads without them."""
    modules = [path for name, path in binaries(tree).items() if name.endswith(".pyd")]
    stubs = pe_wine.python_stubs(scratch, modules)
    found = []
    for path, result in wine.load(modules, [stubs, *directories]).items():
        if result != f"ok {VALUE}":
            found.append(f"wine says {result} of {path.name}")
    if directories:
        loaded = [path.name for path, said in wine.load(modules, [stubs]).items() if not said.startswith("error")]
        found += [f"{name} loads without the directories, so they show nothing" for name in loaded]
    return found


def check(build: Build, layout: str, made: dict[str, Path], tools: Tools, scratch: Path) -> tuple[list, list[str]]:
    """Everything about one wheel; returns the cells of its row and the problems."""
    wheel = pack(build, made, layout, scratch)
    before = fetch.sha256(wheel)
    done = run([tools.truewheel, "repair", "-w", scratch / "ours", "--lib-path", made["libraries"], wheel])
    if done.status != 0:
        return ["refused", "–", "–", "–"], [done.output.strip()]
    result, tree = scratch / "ours" / wheel.name, scratch / "installed"
    found = wheel_file.problems(result) + wheel_file.copy_problems(wheel, result)
    wheel_file.unpack(result, tree)
    files = binaries(tree)
    how, other = repair_delvewheel(tools, wheel, made["libraries"], scratch / "theirs")
    if other is not None:
        wheel_file.unpack(other, scratch / "other")
        names = sorted(path.name for path in binaries(scratch / "other").values())
        if names != sorted(path.name for path in files.values()):
            found.append(f"names {sorted(path.name for path in files.values())}, delvewheel's {names}")
    sources = {path.name: path for path in made["libraries"].glob("*.dll")}
    sources |= {f"{name}.pyd": made[name] for name in ("_core", "_dot")}
    if set(sources) != set(files):
        found.append(f"the wheel has {sorted(files)}, not {sorted(sources)}")
    kept = 0
    for name in sources.keys() & files.keys():
        wanted = facts(sources[name])
        kept += bool(wanted)
        if wanted != facts(files[name]):
            found.append(f"{name} lost symbols or debug information")
    directories = [tree / "demo.libs"] if layout != "beside" else []
    found += import_problems(tree, directories)
    loads = "–"
    if tools.wine is not None and build.platform == "win_amd64":
        problems = wine_problems(tools.wine, tree, directories, scratch / "wine")
        loads, found = "no" if problems else "yes", found + problems
    again = run([tools.truewheel, "repair", "-w", scratch / "again", result])
    if again.status != 0 or fetch.sha256(scratch / "again" / wheel.name) != fetch.sha256(result):
        found.append(f"repaired again, it is another: {again.output.strip()}")
    if fetch.sha256(wheel) != before:
        found.append("the input was changed")
    names = "same" if other is not None and not any(text.startswith("names ") for text in found) else "–"
    return [how, names, f"{kept} of {len(sources)}", loads], found


def relink_problems(build: Build, command: list, made: dict[str, Path], tools: Tools, scratch: Path) -> list[str]:
    """Links a DLL with the import library that a repair brings along, and reads which DLL it needs."""
    scratch.mkdir()
    wheel = pack(build, made, "libs", scratch)
    words = ["--include-imports", "--lib-path", made["libraries"], "-w", scratch / "out", wheel]
    run([tools.truewheel, "repair", *words]).require()
    wheel_file.unpack(scratch / "out" / wheel.name, scratch / "installed")
    directory = scratch / "installed" / "demo.libs"
    imports, dll = next(directory.glob("*scipy_openblas*.lib")), next(directory.glob("*scipy_openblas*.dll"))
    output = scratch / "linked.dll"
    flags = ["-O1", "-shared", *(["-DILP64"] if "openblas64" in build.blas else [])]
    environment = {"ZIG_GLOBAL_CACHE_DIR": zig_cache(), "ZIG_LOCAL_CACHE_DIR": zig_cache()}
    run([*command, *flags, SOURCES / "dot.c", imports, "-o", output], cwd=scratch, **environment).require()
    names = [one.name for one in reader.File(output.read_bytes()).imports]
    return [] if dll.name in names else [f"linked with {imports.name} it needs {names}, and not {dll.name}"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, required=True, help="the program")
    parser.add_argument("--only", action="append", default=[], help="only builds whose name has this in it")
    return parser.parse_args()


def find_tools(truewheel: Path, present: dict[str, Path]) -> Tools | None:
    """What is here; says what is not. `None` without delvewheel."""
    peers = [path for name, path in present.items() if name.startswith(("delvewheel-", "pefile-"))]
    if len(peers) != 2:
        return None
    peers += [path for name, path in present.items() if name.startswith("ziglang-")]
    python = keep_environment(fetch.cache_directory() / "windows-founding-venv", peers)
    wine = pe_wine.find()
    if isinstance(wine, str):
        print(f"skipped: loading under wine: {wine}", file=sys.stderr)
        wine = None
    zig = [python, "-m", "ziglang"] if len(peers) == 3 else None
    return Tools(truewheel.absolute(), [python, "-m", "delvewheel"], zig, wine)


def main() -> int:
    options = arguments()
    if not python_is_right():
        return skip(PYTHON_REASON)
    pins, missing = fetch.fetch("windows-founding")
    present = {pin.name: pin.path for pin in pins}
    tools = find_tools(options.truewheel, present)
    if tools is None:
        return skip(f"delvewheel could not be had: {missing}")
    total, count = [], 0
    print("| modules | layout | delvewheel | its names and ours | files that keep their symbols | wine |")
    print("|---|---|---|---|---|---|")
    for build in BUILDS:
        if options.only and not any(text in build.name for text in options.only):
            continue
        command = compiler(build, tools.zig)
        if isinstance(command, str) or build.blas not in present:
            reason = command if isinstance(command, str) else missing[build.blas]
            print(f"skipped: {build.name}: {reason}", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory(dir=fetch.cache_directory(), prefix="windows-founding-") as name:
            made = make(build, command, Path(name))
            for layout in LAYOUTS:
                scratch = Path(name) / layout
                scratch.mkdir()
                files = made if layout != "libs, no padding" else without_padding(made, scratch / "full")
                cells, found = check(build, layout, files, tools, scratch)
                print("| " + " | ".join([build.name, layout, *cells]) + " |", flush=True)
                total += [f"{build.name}, {layout}: {problem}" for problem in found]
                count += 1
            found = relink_problems(build, command, made, tools, Path(name) / "relinked")
            total += [f"{build.name}: {problem}" for problem in found]
    print(f"\n{count} wheels, {len(total)} problems")
    for problem in total:
        print(f"- {problem}")
    return skip("no compiler for Windows") if count == 0 else 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
