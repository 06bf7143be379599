"""Strips the ELF files of real wheels with the editor, beside GNU strip, and checks every result.

usage: strip.py --edit PATH [--only TEXT]... [--keep]

PATH is the program `edit` (`cargo build --release -p truewheel-elf --example edit`). Each file is stripped twice over
(`--strip`, `--strip-debug`), as it came and after an edit that appends a segment. Every byte that a segment loads must
stay, eu-elflint must say nothing new that it does not say after GNU strip too, the size must be within 1 % of GNU
strip's (or 1 KiB, in small files), and what loaded must load. Prints a Markdown table.
Exit status 0: no failure; 1: at least one; 77: nothing could be run.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import editor_checks as checks
import fetch
from editor_loads import foreign_faults, is_whole, native_faults
from elf_reader import SHF_ALLOC, ElfFile
from loaders import Loader, debian, make_loaders
from processes import PYTHON_REASON, python_is_right, run, skip
from wheel_file import unpack

LEVELS = {"all": ("--strip", "-s"), "debug": ("--strip-debug", "-g")}

# Bytes of the ELF header that say where program and section headers are, by class.
HEADER_FIELDS = {True: ((32, 48), (60, 64)), False: ((28, 36), (48, 52))}


@dataclass
class Tally:
    """What was counted over one wheel's files, or over all wheels."""

    files: int = 0
    left_alone: int = 0
    before: int = 0
    after: Counter = field(default_factory=Counter)
    gnu: Counter = field(default_factory=Counter)
    loads: Counter = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def gnu_strip() -> tuple[list[str], dict[str, str]] | None:
    """GNU strip for every machine, unpacked into the cache."""
    root = fetch.cache_directory() / "loaders" / "multiarch"
    if debian("amd64", ("binutils-multiarch", "libbinutils"), root) is not None:
        return None
    triplet = f"{os.uname().machine}-linux-gnu"
    return [str(root / "usr" / "bin" / f"{triplet}-strip")], {"LD_LIBRARY_PATH": str(root / "usr" / "lib" / triplet)}


def loaded_problems(before: ElfFile, after: ElfFile) -> list[str]:
    """Where what a loader reads is not what it was; a symbol's section number may change."""
    problems = []
    if [vars(s) | {"offset": 0} for s in before.segments] != [vars(s) | {"offset": 0} for s in after.segments]:
        problems.append("the program headers changed")
        return problems
    problems += set(checks.segment_problems(after)) - set(checks.segment_problems(before))
    free = list(HEADER_FIELDS[before.is_64])
    free.append((before.phoff, before.phoff + before.phnum * before.phentsize))
    free += [(s.offset, s.offset + s.size) for s in before.sections() if s.kind == 11 and s.flags & SHF_ALLOC]
    free.sort()
    for segment, moved in zip(before.loads, after.loads):
        at, step = segment.offset, moved.offset - segment.offset
        for start, end in [*free, (sys.maxsize, sys.maxsize)]:
            stop = min(max(start, at), segment.offset + segment.file_size)
            if before.data[at:stop] != after.data[at + step : stop + step]:
                problems.append(f"bytes behind offset {at:#x} changed")
            at = max(at, min(end, segment.offset + segment.file_size))
    return problems


def uncovered(elf: ElfFile) -> int:
    """Loaded bytes that are no section's: GNU strip takes what it can of them from the segments."""
    taken = sorted((s.offset, s.offset + s.size) for s in elf.sections() if s.flags & SHF_ALLOC and s.kind not in (0, 8))
    total = 0
    for segment in elf.loads:
        at, end = segment.offset, segment.offset + segment.file_size
        for start, stop in [*taken, (end, end)]:
            total += max(0, min(start, end) - at)
            at = max(at, min(stop, end))
    return total


def check_file(options: argparse.Namespace, root: Path, tree: str, name: str, strip: tuple | None) -> Tally:
    """Both levels of one file."""
    tally = Tally(files=1)
    source = root / tree / name
    before = ElfFile(source.read_bytes())
    tally.before = len(before.data)
    lint = shutil.which("eu-elflint") is not None
    known = checks.lint(source) if lint else Counter()
    for level, (ours, theirs) in LEVELS.items():
        target = root / f"{tree}-{level}" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        done = run([options.edit, source, target, ours], timeout=60)
        if done.status != 0:
            tally.problems.append(f"{level}: {done.output.strip()}")
            continue
        data = target.read_bytes()
        after = ElfFile(data)
        problems = loaded_problems(before, after) + checks.overlap_problems(after.sections())
        again = target.with_name(f"{target.name}.again")
        run([options.edit, target, again, ours], timeout=60)
        if not again.exists() or again.read_bytes() != data:
            problems.append("stripping it again changes it")
        again.unlink(missing_ok=True)
        tally.after[level] = len(data)
        if strip is not None:
            command, environment = strip
            gnu = target.with_name(f"{target.name}.gnu")
            refused = run([*command, theirs, "-o", gnu, source], timeout=120, **environment).status != 0
            size = len(data) if refused else gnu.stat().st_size
            tally.gnu[level] = size
            allowed = known if refused or not lint else known | checks.lint(gnu)
            # Where nothing goes, nothing is laid out anew either.
            allowed_size = size + max(1024, size // 100) + uncovered(before)
            if len(data) < tally.before and len(data) > allowed_size:
                problems.append(f"{len(data)} bytes, GNU strip makes {size}")
            new = checks.lint(target) - allowed if lint else Counter()
            problems += [f"eu-elflint: {line}" for line in new]
            gnu.unlink(missing_ok=True)
        tally.problems += [f"{tree} {level}: {problem}" for problem in problems]
    tally.problems = [f"{name}: {problem}" for problem in tally.problems]
    return tally


def check_loads(root: Path, names: list[str], loader: Loader | None, workers: ThreadPoolExecutor) -> Tally:
    """What loaded as it came loads after every strip."""
    tally = Tally()
    old: dict[str, set[str]] = {}
    for tree in ("before", "before-all", "before-debug", "edited", "edited-all", "edited-debug"):
        if loader is None:
            said = native_faults(root, tree, names)
        else:
            said = foreign_faults(root, tree, names, loader, workers)
        old = old if "-" in tree else said
        tally.loads[tree] = sum(is_whole(faults) for faults in said.values())
        for name in names:
            fresh = said[name] - old[name] if loader is not None or not old[name] else set()
            tally.problems += [f"{name}: {tree}: {fault}" for fault in sorted(fresh)[:2]]
    return tally


def loader_of(name: str, loaders: dict[str, Loader]) -> tuple[bool, Loader | None]:
    """Whether there is a loader for a wheel's files, and which, if not this machine's own."""
    libc = "musl" if "musllinux" in name else "glibc"
    machine = name.removesuffix(".whl").rsplit("linux", 1)[-1].split("_", 1)[-1]
    for known in ("x86_64", "i686", "aarch64"):
        if machine.endswith(known):
            if (libc, known) == ("glibc", "x86_64"):
                return True, None
            return f"{libc} {known}" in loaders, loaders.get(f"{libc} {known}")
    return False, None


def check_wheel(options, wheel: Path, strip, loaders, workers: ThreadPoolExecutor) -> Tally:
    """Everything about one wheel."""
    root = Path(tempfile.mkdtemp(prefix="strip-", dir=fetch.cache_directory()))
    tally = Tally()
    try:
        names = []
        for path in unpack(wheel, root / "before"):
            with path.open("rb") as stream:
                if stream.read(4) == b"\x7fELF":
                    names.append(path.relative_to(root / "before").as_posix())
        dynamic = []
        for name in names:
            source, target = root / "before" / name, root / "edited" / name
            elf = ElfFile(source.read_bytes())
            if elf.is_dynamic:
                target.parent.mkdir(parents=True, exist_ok=True)
                path = ":".join([elf.runpath or elf.rpath or "$ORIGIN", *["$ORIGIN/an-entry-that-needs-room"] * 40])
                done = run([options.edit, source, target, "--rpath", path], timeout=60)
                dynamic += [name] * (done.status == 0)
        work = [("before", name) for name in names] + [("edited", name) for name in dynamic]
        for part in workers.map(lambda job: check_file(options, root, *job, strip), work):
            tally.add(part)
        loadable, loader = loader_of(wheel.name, loaders)
        if loadable and dynamic:
            tally.add(check_loads(root, dynamic, loader, workers))
    finally:
        if options.keep:
            print(f"kept: {root}", file=sys.stderr)
        else:
            shutil.rmtree(root)
    return tally


def row(name: str, tally: Tally) -> str:
    """One line of the table."""
    sizes = [tally.before, tally.after["all"], tally.gnu["all"], tally.after["debug"], tally.gnu["debug"]]
    loads = " / ".join(str(count) for count in tally.loads.values()) or "–"
    cells = [name, tally.files, len(tally.problems), loads, *(f"{size / 1024:.0f}" for size in sizes)]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


HEADER = """\
| wheel | files | problems | load: untouched / all / debug / edited / and all / and debug | KiB | all | by GNU strip | \
debug | by GNU strip |
|---|---|---|---|---|---|---|---|---|"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edit", type=Path, required=True, help="the example program `edit`")
    parser.add_argument("--only", action="append", default=[], help="only wheels whose name has this in it")
    parser.add_argument("--keep", action="store_true", help="leave the trees in the cache, for a look")
    options = parser.parse_args()
    options.edit = options.edit.absolute()
    if not python_is_right():
        return skip(PYTHON_REASON)
    present, missing = fetch.fetch("editor")
    wheels = [pin for pin in present if "linux" in pin.name and pin.name.endswith(".whl")]
    wheels = [pin for pin in wheels if not options.only or any(text in pin.name for text in options.only)]
    if not wheels:
        return skip(f"no wheels; missing: {missing}")
    strip = gnu_strip()
    if strip is None:
        print("skipped: the comparison with GNU strip; it comes from Debian", file=sys.stderr)
    if shutil.which("eu-elflint") is None:
        print("skipped: the eu-elflint check; install elfutils (apt-get install elfutils)", file=sys.stderr)
    loaders, no_loaders = make_loaders()
    for name, reason in no_loaders.items():
        print(f"skipped: loading files of {name}: {reason}", file=sys.stderr)
    total = Tally()
    print(HEADER)
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        for pin in wheels:
            tally = check_wheel(options, pin.path, strip, loaders, workers)
            tally.problems = [f"{pin.name}: {problem}" for problem in tally.problems]
            total.add(tally)
            print(row(pin.name.split("-")[0] + " " + pin.name.removesuffix(".whl").split(".")[-1], tally), flush=True)
    print(row(f"**{len(wheels)} wheels**", total))
    for name, reason in missing.items():
        print(f"skipped: {name}: {reason}")
    print(f"\n{len(total.problems)} problems")
    for problem in total.problems:
        print(f"- {problem}")
    return 1 if total.problems else 0


if __name__ == "__main__":
    sys.exit(main())
