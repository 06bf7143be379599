"""Repairs published macOS wheels whose libraries were taken out again, beside repairwheel.

usage: macos_repair.py --truewheel PATH --edit PATH [--only TEXT]... [--times N]

PATH of --edit is the example program `macho`. Each wheel is undone twice, with absolute names and with `@rpath`
names, and repaired by truewheel and by PyPI's repairwheel, which runs delocate's algorithm without a Mac. Every file
of the result is compared with that of repairwheel and with the published wheel. Prints Markdown tables.
Exit status 0: no problem; 1: at least one; 77: nothing could be run.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import fetch
import macho_reader as reader
import wheel_file
from macos_undo import SYSTEM, Undone, undo, unresolved
from processes import PYTHON_REASON, Run, make_environment, python_is_right, run, skip

PEERS = ("repairwheel", "macholib", "altgraph", "packaging", "typing_extensions", "pyelftools", "pefile", "delvewheel", "lief")
PREFIXES = {"absolute": "/usr/local/lib", "@rpath": "@rpath"}

LIEF = """
import json, sys, lief
lief.logging.disable()
kinds = lief.MachO.LoadCommand.TYPE
for path in sys.stdin.read().split("\\n"):
    found = []
    parsed = lief.MachO.parse(path, lief.MachO.ParserConfig.quick)  # its parts do not outlive it
    for binary in parsed:
        loads = [l.name for l in binary.libraries if l.command != kinds.ID_DYLIB]
        own = [l.name for l in binary.libraries if l.command == kinds.ID_DYLIB]
        found.append([own, loads, [r.path for r in binary.rpaths]])
    print(json.dumps(found), flush=True)
"""


@dataclass
class Result:
    """One wheel that a tool wrote, and how long it took."""

    wheel: Path
    files: dict[str, bytes]
    process: Run

    @property
    def binaries(self) -> dict[str, list[reader.Slice]]:
        found = {path: reader.slices(data) for path, data in self.files.items()}
        return {path: slices for path, slices in found.items() if slices}


@dataclass
class Report:
    """What was counted for one wheel."""

    counts: Counter = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    differences: Counter = field(default_factory=Counter)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, required=True)
    parser.add_argument("--edit", type=Path, required=True, help="the example program `macho`")
    parser.add_argument("--only", action="append", default=[], help="only wheels whose name has this in it")
    parser.add_argument("--times", type=int, default=1, help="runs of each tool; the fastest counts")
    return parser.parse_args()


def fastest(command: list, output: Path, times: int, **environment: str) -> Run:
    """The fastest of several runs, each into an empty directory."""
    runs = []
    for _ in range(times):
        shutil.rmtree(output, ignore_errors=True)
        runs.append(run(command, **environment).require())
    return min(runs, key=lambda one: one.seconds)


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def ours(truewheel: Path, undone: Undone, directory: Path, times: int) -> Result:
    output = directory / "truewheel"
    command = [truewheel.absolute(), "repair", "-w", output, "--lib-path", undone.libraries, undone.wheel]
    process = fastest(command, output, times, MACOSX_DEPLOYMENT_TARGET=None)
    wheel = next(output.glob("*.whl"))
    return Result(wheel, contents(wheel), process)


def theirs(python: Path, undone: Undone, directory: Path, times: int) -> Result:
    output = directory / "repairwheel"
    command = [python.parent / "repairwheel", "-o", output, "-l", undone.libraries, undone.wheel]
    process = fastest(command, output, times)
    wheel = next(output.glob("*.whl"))
    return Result(wheel, contents(wheel), process)


def check_result(result: Result, undone: Undone, report: Report) -> None:
    """What must hold for truewheel's wheel, whatever others do."""
    report.problems += wheel_file.problems(result.wheel)
    report.problems += unresolved(result.files)
    ids = Counter(one.identity for slices in result.binaries.values() for one in slices[:1] if one.identity)
    for path, slices in result.binaries.items():
        report.counts["files"] += 1
        for one in slices:
            names = [name for _, name, _ in one.loads]
            report.problems += [f"{path}: signature: {what}" for what in reader.signature_problems(one)]
            for what, strings in (("load", names), ("rpath", one.rpaths)):
                report.problems += [f"{path}: {what} {text} twice" for text, n in Counter(strings).items() if n > 1]
            for rpath in one.rpaths:
                if not rpath.startswith(("@loader_path", "@executable_path", *SYSTEM)):
                    report.problems.append(f"{path}: rpath {rpath}")
            report.counts["names"] += len(names)
            if ".dylibs" in path and one.identity and ids[one.identity] > 1:
                report.problems.append(f"{path}: another file has its ID {one.identity}")


def vendored(result: Result) -> dict[str, str]:
    """Member paths of vendored libraries, by file name."""
    return {path.rpartition("/")[2]: path for path in result.binaries if ".dylibs/" in path}


def compare(mine: Result, peer: Result, published: dict[str, bytes], undone: Undone, report: Report) -> None:
    """Differences by kind; those that have no kind are problems."""
    kinds = report.differences
    if set(vendored(mine)) != set(vendored(peer)):
        odd = sorted(set(vendored(mine)) ^ set(vendored(peer)))
        report.problems.append(f"vendored by one tool only: {', '.join(odd)}")
    if wheel_file.platforms(mine.wheel.name) != wheel_file.platforms(peer.wheel.name):
        kinds[f"tag {'.'.join(sorted(wheel_file.platforms(mine.wheel.name)))}, "
              f"theirs {'.'.join(sorted(wheel_file.platforms(peer.wheel.name)))}"] += 1  # fmt: skip
    for path, slices in mine.binaries.items():
        other = peer.binaries.get(path)
        if other is None:
            report.problems.append(f"{path}: not in repairwheel's wheel")
            continue
        for one, two in zip(slices, other, strict=True):
            compare_slices(path, one, two, kinds, report)
        old = reader.slices(published[path])
        for one, two in zip(slices, old, strict=True):
            if [name for _, name, _ in one.loads] == [name for _, name, _ in two.loads]:
                report.counts["as published"] += 1
            else:
                kinds["names other than the published wheel's"] += 1


def compare_slices(path: str, one: reader.Slice, two: reader.Slice, kinds: Counter, report: Report) -> None:
    names = [name for _, name, _ in one.loads], [name for _, name, _ in two.loads]
    if names[0] != names[1]:
        report.problems.append(f"{path}: names {names[0]}, theirs {names[1]}")
    if [header for *_, header in one.loads] != [header for *_, header in two.loads]:
        kinds["versions or flags of a load"] += 1
    if one.identity != two.identity:
        kinds["install ID"] += 1
    gone = [rpath for rpath in two.rpaths if rpath not in one.rpaths]
    kinds["rpaths of the build machine that they leave"] += len([r for r in gone if r.startswith("/")])
    kinds["other rpaths that they leave"] += len([r for r in gone if not r.startswith("/")])
    kinds["rpaths that only we leave"] += len([r for r in one.rpaths if r not in two.rpaths])
    if bool(one.signature) != bool(two.signature):
        kinds["signed by one tool only"] += 1
    elif one.signature and two.signature:
        codesigns = len(one.signature.directories), len(two.signature.directories)
        if codesigns[0] != codesigns[1]:
            kinds["CodeDirectories: SHA-1 as well for old systems"] += 1
        elif one.signature.directories[0].identifier != two.signature.directories[0].identifier:
            kinds["identifier of the signature"] += 1
    if one.sections != two.sections:
        report.problems.append(f"{path}: a section differs from repairwheel's")


def read_back(python: Path, result: Result, report: Report) -> None:
    """LIEF and llvm-objdump read what our reader does."""
    with tempfile.TemporaryDirectory() as scratch:
        paths = {path: Path(scratch) / str(index) for index, path in enumerate(result.binaries)}
        for path, file in paths.items():
            file.write_bytes(result.files[path])
        done = subprocess.run([python, "-c", LIEF], input="\n".join(map(str, paths.values())), text=True, capture_output=True)
        lines = done.stdout.splitlines()
        if len(lines) != len(paths):
            report.problems.append(f"LIEF read {len(lines)} of {len(paths)} files: {done.stderr[-300:]}")
        for path, line in zip(paths, lines):
            expected = [
                [[one.identity] if one.identity else [], [name for _, name, _ in one.loads], one.rpaths]
                for one in result.binaries[path]
            ]
            if json.loads(line) != expected:
                report.problems.append(f"{path}: LIEF reads {line}")
            report.counts["read by LIEF"] += 1
        if shutil.which("llvm-objdump") is None:
            return
        for path, file in paths.items():
            done = subprocess.run(["llvm-objdump", "--macho", "--arch=all", "--all-headers", file], text=True, capture_output=True)
            names = re.findall(r"^\s+name (\S+) \(offset \d+\)$", done.stdout, re.M)
            expected = [n for one in result.binaries[path] for n in [one.identity, *(name for _, name, _ in one.loads)] if n]
            if done.returncode or sorted(names) != sorted([*expected, *other_names(done.stdout)]):
                report.problems.append(f"{path}: llvm-objdump: {done.stderr.strip() or names}")
            report.counts["read by llvm-objdump"] += 1


def other_names(text: str) -> list[str]:
    """Names in the listing that are no library's, such as LC_SUB_FRAMEWORK's."""
    return re.findall(r"cmd LC_(?:LOAD_DYLINKER|ID_DYLINKER|SUB_\w+)\n\s+cmdsize \d+\n\s+name (\S+)", text)


def table(rows: list[list]) -> str:
    head, *body = [[str(cell) for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    options = arguments()
    if not python_is_right():
        return skip(PYTHON_REASON)
    present, missing = fetch.fetch("macos")
    paths = {pin.path.name.split("-")[0]: pin.path for pin in present}
    if lacking := [name for name in PEERS if name not in paths]:
        return skip(f"cannot be had: {', '.join(lacking)}")
    wheels = [pin.path for pin in present if "macosx" in pin.name and "openblas" not in pin.name]
    wheels = [path for path in wheels if not options.only or any(text in path.name for text in options.only)]
    for name, reason in missing.items():
        print(f"skipped: {name}: {reason}", file=sys.stderr)
    if not wheels:
        return skip("no wheel to repair")
    rows = [["wheel", "names were", "vendored", "files", "names", "as published", "LIEF", "objdump",
             "ours", "repairwheel", "times"]]  # fmt: skip
    problems, differences = [], Counter()
    with tempfile.TemporaryDirectory() as scratch:
        python = make_environment(Path(scratch) / "peers", [paths[name] for name in PEERS])
        for wheel in wheels:
            for kind, prefix in PREFIXES.items():
                directory = Path(tempfile.mkdtemp(dir=scratch))
                undone = undo(wheel, options.edit.absolute(), directory, prefix)
                report = Report()
                mine = ours(options.truewheel, undone, directory, options.times)
                peer = theirs(python, undone, directory, options.times)
                check_result(mine, undone, report)
                compare(mine, peer, contents(wheel), undone, report)
                read_back(python, mine, report)
                problems += [f"{wheel.name} ({kind}): {problem}" for problem in report.problems]
                differences.update(report.differences)
                name = re.sub(r"-cp311-cp311", "", wheel.name.removesuffix(".whl"))
                counts = report.counts
                rows.append([name, kind, len(vendored(mine)), counts["files"], counts["names"], counts["as published"],
                             counts["read by LIEF"], counts["read by llvm-objdump"], f"{mine.process.seconds:.2f} s",
                             f"{peer.process.seconds:.2f} s", f"{peer.process.seconds / mine.process.seconds:.0f}"])  # fmt: skip
                print(f"{' '.join(map(str, rows[-1]))}", file=sys.stderr, flush=True)
                shutil.rmtree(directory)
    print(table(rows), end="\n\n")
    print(table([["difference from repairwheel", "slices"], *sorted((k, n) for k, n in differences.items() if n)]))
    for problem in problems:
        print(f"problem: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
