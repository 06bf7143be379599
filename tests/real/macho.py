"""Runs the Mach-O editor and its signer over the binaries of published macOS wheels, and checks every result.

usage: macho.py --edit PATH [--only TEXT]...

PATH is the program `macho` (`cargo build --release -p truewheel-macho --example macho`). What Apple's codesign signed is
signed again, as it is and with its signature cut off first, and compared byte for byte; each file gets longer names
and rpaths, and is read back by a reader of our own, by LIEF and by llvm-objdump. Prints Markdown tables.
Exit status 0: no failure; 1: at least one; 77: nothing could be run.
"""

import argparse
import hashlib
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
from processes import PYTHON_REASON, make_environment, python_is_right, skip

SYSTEM = ("/usr/lib/", "/System/")
SDK_OF_16K = 26

LIEF_READER = """
import json, sys, lief
lief.logging.disable()
for path in sys.stdin.read().split("\\n"):
    found = []
    parsed = lief.MachO.parse(path, lief.MachO.ParserConfig.quick)
    for binary in parsed:
        kinds = lief.MachO.LoadCommand.TYPE
        names = [l.name for l in binary.libraries if l.command != kinds.ID_DYLIB]
        own = [l.name for l in binary.libraries if l.command == kinds.ID_DYLIB]
        rpaths = [r.path for r in binary.rpaths]
        place = binary.code_signature if binary.has_code_signature else None
        found.append([own, names, rpaths, place.data_offset + place.data_size if place else 0])
    print(json.dumps(found), flush=True)
"""


@dataclass
class Tally:
    """What was counted over one wheel's files, or over all wheels."""

    counts: Counter = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)
    views: list[tuple[Path, list]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.counts.update(other.counts)
        self.problems += other.problems
        self.explained += other.explained


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edit", type=Path, required=True, help="the example program `macho`")
    parser.add_argument("--only", action="append", default=[], help="only wheels whose name has this in it")
    return parser.parse_args()


def call(edit: Path, source: Path, target: Path, *words: str) -> subprocess.CompletedProcess:
    """One call of the editor."""
    command = [edit, source, target, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def difference(apples: bytes, ours: bytes) -> str | None:
    """Why two signatures of one file are not the same bytes; None if that cannot be said."""
    reasons = set()
    uuids = {f"55554944{one.uuid}": one.cpu for one in reader.slices(apples)}
    for theirs, mine in zip(reader.slices(apples), reader.slices(ours)):
        if theirs.data == mine.data:
            continue
        old, new = theirs.signature, mine.signature
        names = old.directories[0].identifier, new.directories[0].identifier
        cpus = [uuids.get(name.rpartition("-")[2]) for name in names]
        if cpus == ["x86_64", "arm64"] and theirs.data.replace(names[0].encode(), names[1].encode()) == mine.data:
            reasons.add("codesign ran on an Intel Mac, and named a universal file by the UUID of that slice")
            continue
        shifts = {d.page_shift for d in old.directories}, {d.page_shift for d in new.directories}
        if shifts == ({14}, {12}) and theirs.sdk < SDK_OF_16K:
            reasons.add(f"codesign of macOS 26 took pages of 16 KiB for a file of SDK {theirs.sdk}")
            continue
        blobs_end = old.offset + old.length
        if theirs.data[:blobs_end] != mine.data[:blobs_end] or any(mine.data[blobs_end:]):
            return None
        stale = theirs.data[blobs_end:]
        code = theirs.data[: old.offset]
        pages = [hashlib.sha256(code[at : at + 4096]).digest() for at in range(0, len(code), 4096)]
        known = sum(page in stale for page in pages)
        if len(stale) != len(mine.data) - blobs_end or not known:
            return None
        reasons.add("the blobs are equal; behind them codesign left page hashes of the signature before, where we write zeros")
    return "; ".join(sorted(reasons)) or None


def check_signatures(edit: Path, path: Path, name: str, tally: Tally) -> None:
    """Signs what codesign signed."""
    data = path.read_bytes()
    signatures = [found.signature for found in reader.slices(data)]
    if not all(found and found.is_codesigns for found in signatures):
        return
    tally.counts["signed by codesign"] += len(signatures)
    for mode, content in (("again", data), ("after a cut", reader.unsigned(data))):
        source, target = path.with_name("unsigned"), path.with_name("signed")
        source.write_bytes(content)
        done = call(edit, source, target, "--sign", "--name", Path(name).name)
        if done.returncode != 0:
            tally.problems.append(f"{name}: signed {mode}: {done.stderr.strip()}")
            continue
        new = target.read_bytes()
        if new == data:
            tally.counts[f"equal {mode}"] += len(signatures)
            continue
        equal = sum(a.data == b.data for a, b in zip(reader.slices(data), reader.slices(new)))
        tally.counts[f"equal {mode}"] += equal
        reason = difference(data, new)
        if reason is None:
            tally.problems.append(f"{name}: signed {mode}: other bytes")
        else:
            tally.counts[f"explained {mode}"] += len(signatures) - equal
            tally.explained.append(f"signed {mode}: {reason} | {name}")


def plan(found: list[reader.Slice]) -> tuple[list[str], list]:
    """The words of an edit, and what each slice should say afterwards."""
    words, wanted = [], []
    own = None
    if all(one.kind == reader.MH_DYLIB for one in found):
        own = "/DLC/of/a/package/with/a/long/name.dylibs/libname-0123abcd.1.dylib"
        words += ["--id", own]
    for number, one in enumerate(found):
        names = []
        for _, name, _ in one.loads:
            new = name
            if not name.startswith(SYSTEM):
                new = f"@loader_path/../longer/{number}/{name.rsplit('/', 1)[1] if '/' in name else name}"
                if (str(number), name, new) not in zip(words, words[1:], words[2:]):
                    words += ["--load", str(number), name, new]
            names.append(new)
        rpaths = [*one.rpaths[1:], f"@loader_path/../slice{number}.dylibs"]
        for rpath in rpaths:
            words += ["--rpath", str(number), rpath]
        wanted.append([[own] if own else ([one.identity] if one.identity else []), names, rpaths])
    return words, wanted


def check_edit(edit: Path, path: Path, name: str, tally: Tally) -> None:
    """Longer names and other rpaths in every slice."""
    data = path.read_bytes()
    before = reader.slices(data)
    words, wanted = plan(before)
    called = ["--name", Path(name).name]
    target, again = path.with_name(f"{path.name}.edited"), path.with_name("again")
    done = call(edit, path, target, *words, *called)
    if done.returncode != 0:
        text = done.stderr.strip()
        missing = re.search(r"of (\w+) need (\d+) bytes and have room for (\d+)", text)
        rooms = {one.cpu: one.first_content - 32 for one in before}
        if missing and rooms[missing[1]] == int(missing[3]) < int(missing[2]):
            tally.counts["no room"] += 1
        else:
            tally.problems.append(f"{name}: {text}")
        return
    tally.counts["edited"] += 1
    tally.counts["room made"] += "CommandDropped" in done.stdout
    new = target.read_bytes()
    for what, source, edits, expected in (
        ("no edit", path, [], data),
        ("the same edit of its own result", target, words, new),
        ("the same edit from the start", path, words, new),
    ):
        done = call(edit, source, again, *edits, *called)
        if done.returncode != 0 or again.read_bytes() != expected:
            tally.problems.append(f"{name}: {what} gives other bytes {done.stderr.strip()}")
    after = reader.slices(new)
    for old, one, want in zip(before, after, wanted, strict=True):
        tally.problems += [f"{name}: {problem}" for problem in slice_problems(old, one, want)]
        tally.counts["slices"] += 1
        tally.counts["signed now"] += one.signature is not None
    views = [[*want, one.signature.offset + one.signature.size if one.signature else 0] for want, one in zip(wanted, after)]
    tally.views.append((target, views))


def slice_problems(old: reader.Slice, new: reader.Slice, want: list) -> list[str]:
    """What an edit changed that it should not have, and what it did not do."""
    found = reader.signature_problems(new)
    if [[new.identity] if new.identity else [], [name for _, name, _ in new.loads], new.rpaths] != want:
        found.append("the names are not those asked for")
    if [(kind, rest) for kind, _, rest in old.loads] != [(kind, rest) for kind, _, rest in new.loads]:
        found.append("a load command lost its kind, versions or flags")
    if old.sections != new.sections:
        found.append("a section changed")
    if {k: v for k, v in old.segments.items() if k != "__LINKEDIT"} != {
        k: v for k, v in new.segments.items() if k != "__LINKEDIT"
    }:
        found.append("a segment changed")
    if new.signature and new.segments["__LINKEDIT"][1] % (1 << 14):
        found.append("the memory of __LINKEDIT is no multiple of a page")
    end = old.signature.offset if old.signature else len(old.data)
    if old.data[old.first_content : end] != new.data[new.first_content : end]:
        found.append("the content changed")
    if any(new.data[new.commands_end : new.first_content]):
        found.append("the header pad is not zero")
    if (old.signature or old.cpu == "arm64") and not new.signature:
        found.append("the signature is gone")
    if not old.signature and old.cpu != "arm64" and new.signature:
        found.append("a signature appeared")
    return found


def lief_problems(python: Path, views: list[tuple[Path, list]]) -> list[str]:
    """Files that LIEF reads otherwise."""
    paths = "\n".join(str(path) for path, _ in views)
    done = subprocess.run([python, "-c", LIEF_READER], input=paths, capture_output=True, text=True, timeout=1200)
    lines = done.stdout.splitlines()
    if len(lines) != len(views):
        return [f"LIEF stopped after {len(lines)} of {len(views)} files: {done.stderr[-300:]}"]
    return [
        f"{path.name}: LIEF reads {line}" for (path, view), line in zip(views, lines) if json.loads(line) != view
    ]


def objdump_problems(tool: str, views: list[tuple[Path, list]]) -> list[str]:
    """Files that llvm-objdump refuses or reads otherwise."""
    found = []
    for path, view in views:
        command = [tool, "--macho", "--private-headers", "--arch=all", path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        names = re.findall(r"^ +(?:name|path) (.*) \(offset \d+\)$", done.stdout, re.M)
        wanted = [name for own, loads, rpaths, _ in view for name in (*own, *loads, *rpaths)]
        if done.returncode != 0 or done.stderr or sorted(names) != sorted(wanted):
            found.append(f"{path.name}: {tool}: {done.stderr.strip() or names}")
    return found


def check_wheel(wheel: Path, edit: Path, lief: Path | None, objdump: str | None) -> Tally:
    """Everything about one wheel."""
    tally = Tally()
    with tempfile.TemporaryDirectory(dir=fetch.cache_directory()) as scratch, zipfile.ZipFile(wheel) as archive:
        for number, name in enumerate(archive.namelist()):
            data = archive.read(name)
            if not reader.slices(data):
                continue
            path = Path(scratch) / f"{number}-{Path(name).name}"
            path.write_bytes(data)
            tally.counts["files"] += 1
            for one in reader.slices(data):
                if one.signature:
                    tally.problems += [f"{name}: as published: {p}" for p in reader.signature_problems(one)]
            check_signatures(edit, path, name, tally)
            check_edit(edit, path, name, tally)
        if lief and tally.views:
            tally.problems += lief_problems(lief, tally.views)
            tally.counts["LIEF"] += len(tally.views)
        if objdump and tally.views:
            tally.problems += objdump_problems(objdump, tally.views)
            tally.counts["objdump"] += len(tally.views)
    return tally


COLUMNS = ["files", "signed by codesign", "equal again", "explained again", "equal after a cut", "explained after a cut",
           "edited", "no room", "room made", "slices", "signed now", "LIEF", "objdump"]  # fmt: skip


def main() -> int:
    options = arguments()
    present, missing = fetch.fetch("macho")
    wheels = [pin for pin in present if "macosx" in pin.name]
    wheels = [pin for pin in wheels if not options.only or any(text in pin.name for text in options.only)]
    if not wheels:
        return skip(f"no wheels; missing: {missing}")
    lief = next((pin for pin in present if pin.name.startswith("lief-")), None)
    if lief and python_is_right():
        lief = make_environment(fetch.cache_directory() / "lief-venv", [lief.path])
    else:
        reason = PYTHON_REASON if lief else "its wheel could not be had"
        print(f"skipped: reading back by LIEF: {reason}", file=sys.stderr)
        lief = None
    objdump = next(filter(shutil.which, ["llvm-objdump", "llvm-objdump-14"]), None)
    if objdump is None:
        print("skipped: reading back by llvm-objdump; install llvm (apt-get install llvm)", file=sys.stderr)
    total = Tally()
    print("| wheel | " + " | ".join(COLUMNS) + " | problems |\n|---" + "|---" * (len(COLUMNS) + 1) + "|")
    for pin in wheels:
        tally = check_wheel(pin.path, options.edit.absolute(), lief, objdump)
        short = pin.name.removesuffix(".whl").replace("-cp311", "")
        print(f"| {short} | " + " | ".join(str(tally.counts[c]) for c in COLUMNS) + f" | {len(tally.problems)} |", flush=True)
        tally.explained = [f"{text.split(' | ')[0]} | {short}" for text in tally.explained]
        tally.problems = [f"{short}: {problem}" for problem in tally.problems]
        total.add(tally)
    print("| **all** | " + " | ".join(str(total.counts[c]) for c in COLUMNS) + f" | {len(total.problems)} |")
    print("\n| files that codesign signed with other bytes | wheel | files |\n|---|---|---|")
    for text, count in sorted(Counter(total.explained).items()):
        print(f"| {text} | {count} |")
    for name, reason in missing.items():
        print(f"skipped: {name}: {reason}")
    print(f"\n{len(total.problems)} problems")
    for problem in total.problems:
        print(f"- {problem}")
    return 1 if total.problems else 0


if __name__ == "__main__":
    sys.exit(main())
