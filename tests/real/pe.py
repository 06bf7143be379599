"""Runs the PE editor over the binaries of published Windows wheels, and checks every result.

usage: pe.py --edit PATH [--only TEXT]...

PATH is the program `pe` (`cargo build --release -p truewheel-pe --example pe`). Every library that a file names, the
system's too, gets a longer name as delvewheel gives them, one as long, and a shorter one. Each result is read back by a
reader of our own, by LIEF, pefile and objdump; delvewheel does the longest edit too. Under wine, the files of each
64-bit wheel load before and after. Prints Markdown tables.
Exit status 0: no failure; 1: at least one; 77: nothing could be run.
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
import pe_reader as reader
import pe_wine
from processes import PYTHON_REASON, make_environment, python_is_right, run, skip

# Every table, as LIEF and as pefile see it: libraries with their symbols, in order.
PEERS_READER = """
import json, sys, lief, pefile
lief.logging.disable()

def names(entries):
    # pefile looks names of WS2_32.dll and OLEAUT32.dll up by their ordinals.
    symbol = lambda it: it.ordinal if it.import_by_ordinal else it.name.decode()
    return [[entry.dll.decode(), [symbol(it) for it in entry.imports]] for entry in entries]

for path in sys.stdin.read().split("\\n"):
    binary = lief.PE.parse(path)
    symbol = lambda it: it.ordinal if it.is_ordinal else it.name
    by_lief = [[[one.name, [symbol(it) for it in one.entries]] for one in table]
               for table in (binary.imports, binary.delay_imports)]
    pe = pefile.PE(path, fast_load=True)
    pe.parse_data_directories([1, 13])
    by_pefile = [names(getattr(pe, "DIRECTORY_ENTRY_" + which, [])) for which in ("IMPORT", "DELAY_IMPORT")]
    print(json.dumps([by_lief, by_pefile, pe.get_warnings()]), flush=True)
"""

DELVEWHEEL = """
import json, sys
from delvewheel import _dll_utils
for line in sys.stdin:
    path, names = json.loads(line)
    try:
        _dll_utils.replace_needed(path, list(names), names, False, True)
        print(json.dumps("done"), flush=True)
    except Exception as error:
        print(json.dumps(" ".join(f"{type(error).__name__}: {error}".split())[:200]), flush=True)
"""

WRITE = 0x80000000
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass
class Tally:
    """What was counted over one wheel's files, or over all wheels."""

    counts: Counter = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    # What the peers are to read: a file, and its imports and delay imports.
    views: list[tuple[Path, list]] = field(default_factory=list)
    # What delvewheel is to do, and our result.
    peers: list[tuple[Path, dict, Path]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.counts.update(other.counts)
        self.problems += other.problems
        self.refused += other.refused


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edit", type=Path, required=True, help="the example program `pe`")
    parser.add_argument("--only", action="append", default=[], help="only wheels whose name has this in it")
    return parser.parse_args()


def call(edit: Path, source: Path, target: Path, *words: str) -> subprocess.CompletedProcess:
    """One call of the editor."""
    return subprocess.run([edit, source, target, *words], capture_output=True, text=True, timeout=120)


def key(name: str) -> str:
    """What the loader compares."""
    return name.lower() if "." in name else f"{name.lower()}.dll"


def new_name(old: str, mode: str, number: int) -> str:
    """A name for a library, no other library's."""
    stem, dot, extension = old.rpartition(".")
    stem, extension = (stem, dot + extension) if dot else (old, "")
    if mode == "longer":
        return f"{stem}-{number:08x}{extension or '.dll'}"
    if mode == "long":
        return f"{stem}-{number:032x}{extension or '.dll'}"
    tag = DIGITS[(number - 16) % 36] * (1 + (number - 16) // 36)
    length = len(stem) if mode == "same" else len(stem) // 2 + 1
    return (tag + "_" * len(stem))[: max(length, len(tag))] + extension


def renames(file: reader.File, mode: str) -> dict[str, str]:
    """A new name for every library that a file names in imports and delay imports."""
    olds = list(dict.fromkeys(one.name for one in file.imports + file.delay_imports))
    return {old: new_name(old, mode, number) for number, old in enumerate(olds, 16)}


def renamed(text: str, names: dict[str, str]) -> str:
    """A forwarder after an edit."""
    library, _, symbol = text.rpartition(".")
    by_key = {key(old): new for old, new in names.items()}
    new = by_key.get(key(library)) or by_key.get(f"{library.lower()}.dll")
    if new is None:
        return text
    stem = new.removesuffix(".dll")
    keeps = "." in library or "." in stem
    return f"{new if keeps else stem}.{symbol}"


def allowed_ranges(old: reader.File, names: dict[str, str]) -> list[tuple[int, int]]:
    """Where an edit may write into what was there: start and end."""
    found = [(old.coff + 2, 2), (old.optional + 8, 4), (old.optional + 56, 4), (old.optional + 64, 4)]
    found += [(old.optional + 70, 2)]
    found += [(old.directories_at + 8 * i, 8) for i in (reader.EXPORT, reader.SECURITY, reader.BOUND_IMPORT)]
    keys = {key(name) for name in names}
    for field_at, table in ((12, old.imports), (4, old.delay_imports)):
        for one in table:
            if key(one.name) in keys:
                found.append((old.offset(one.descriptor + field_at), 4))
                found.append((old.offset(one.name_rva), len(one.name)))
    for entry, rva in old.forwarder_entries:
        found += [(old.offset(entry), 4), (old.offset(rva), len(old.text(rva)))]
    if old.load_flags_at:
        found.append((old.load_flags_at, 2))
    for one in old.sections:
        # VirtualSize; then what of its data is padding.
        found.append((one.header + 8, 4))
        if one.virtual_size and one.virtual_size < one.raw_size:
            padding = old.data[one.pointer + one.virtual_size : one.raw_end]
            if not any(padding):
                found.append((one.pointer + one.virtual_size, len(padding)))
    return sorted((start, start + size) for start, size in found)


def edit_problems(old: reader.File, new: reader.File, names: dict[str, str]) -> list[str]:
    """What an edit changed that it should not have, and what it did not do."""
    found = []
    by_key = {key(old_name): name for old_name, name in names.items()}
    for what in ("imports", "delay_imports"):
        before, after = getattr(old, what), getattr(new, what)
        if [by_key.get(key(one.name), one.name) for one in before] != [one.name for one in after]:
            found.append(f"the {what} are not those asked for")
        if [(one.descriptor, one.symbols, one.tables) for one in before] != [
            (one.descriptor, one.symbols, one.tables) for one in after
        ]:
            found.append(f"the symbols of {what} changed")
    if [(n, s, renamed(t, names) if isinstance(t, str) else t) for n, s, t in old.exports] != new.exports:
        found.append("the exports are not those asked for")
    found += section_problems(old, new)
    allowed = allowed_ranges(old, names)
    if len(new.sections) > len(old.sections):
        table_end = old.table + 40 * old.count
        allowed = sorted([*allowed, (table_end, table_end + 40)])
    elif new.sections[-1] != old.sections[-1] and new.sections[-1].raw_size != old.sections[-1].raw_size:
        header = old.sections[-1].header
        allowed = sorted([*allowed, (header + 8, header + 40), *((at, at + 4) for at, _ in old.debug)])
    at = 0
    for start, end in [*allowed, (old.end, old.end)]:
        start, end = min(start, old.end), min(end, old.end)
        if at < start and old.data[at:start] != new.data[at:start]:
            found.append(f"bytes between {at:#x} and {start:#x} changed")
        at = max(at, end)
    if [data for _, data in old.debug] != [data for _, data in new.debug]:
        found.append("the debug directory leads elsewhere")
    if old.symbols != new.symbols:
        found.append("the symbols moved")
    if new.directory(reader.SECURITY) != (0, 0) or new.directory(reader.BOUND_IMPORT) != (0, 0):
        found.append("certificates or bound imports are left")
    if new.flags != old.flags & ~reader.FORCE_INTEGRITY:
        found.append("DllCharacteristics changed")
    if new.checksum != (new.right_checksum() if old.checksum else 0):
        found.append("the checksum is wrong")
    return found


def section_problems(old: reader.File, new: reader.File) -> list[str]:
    """What the loader would not like about the sections."""
    found = []
    for one, other in zip(old.sections, new.sections):
        if (one.name, one.rva) != (other.name, other.rva) or other.memory_size < one.memory_size:
            found.append(f"section {one.name} is another")
    for one, other in zip(new.sections, new.sections[1:]):
        if reader.aligned(one.rva + one.memory_size, new.section_alignment) != other.rva:
            found.append(f"there is a gap before section {other.name}")
    ranges = sorted((one.pointer, one.raw_end) for one in new.sections if one.raw_size)
    if any(end > start for (_, end), (start, _) in zip(ranges, ranges[1:])):
        found.append("section data overlap")
    if ranges and (ranges[0][0] < new.table + 40 * new.count or ranges[-1][1] > len(new.data)):
        found.append("section data overlap the headers or the end")
    if new.symbols:
        start, size = new.symbols
        if any(first < start + size and start < end for first, end in ranges):
            found.append("section data overlap the symbols")
    last = new.sections[-1]
    if new.image_size != reader.aligned(last.rva + last.memory_size, new.section_alignment):
        found.append("SizeOfImage is wrong")
    if any(one.raw_size % new.file_alignment or one.pointer % new.file_alignment for one in new.sections):
        found.append("section data are not aligned")
    return found


def check_file(edit: Path, path: Path, name: str, tally: Tally) -> None:
    """Every edit of one file."""
    data = path.read_bytes()
    old = reader.File(data)
    for mode in ("longer", "long", "same", "shorter"):
        names = renames(old, mode)
        # Forwarders to a library that is not imported, too.
        for entry in old.exports:
            if isinstance(entry[2], str):
                library = entry[2].rpartition(".")[0]
                names.setdefault(f"{library}.dll", new_name(f"{library}.dll", mode, 16 + len(names)))
        if not names:
            return
        words = [word for pair in names.items() for word in ("--rename", *pair)] + ["--clear-flags"]
        target, again = path.with_name(f"{path.name}.{mode}"), path.with_name("again")
        done = call(edit, path, target, *words)
        if done.returncode != 0:
            tally.problems.append(f"{name}: {mode}: {done.stderr.strip()}")
            continue
        new_data = target.read_bytes()
        new = reader.File(new_data)
        tally.problems += [f"{name}: {mode}: {problem}" for problem in edit_problems(old, new, names)]
        for what, source, edits, expected in (
            ("no edit", path, [], data),
            ("the same edit of its own result", target, words, new_data),
        ):
            done = call(edit, source, again, *edits)
            if done.returncode != 0 or again.read_bytes() != expected:
                tally.problems.append(f"{name}: {mode}: {what} gives other bytes {done.stderr.strip()}")
        view = [[[one.name, list(one.symbols)] for one in table] for table in (new.imports, new.delay_imports)]
        tally.views.append((target, view))
        tally.counts[mode] += 1
        if mode in ("same", "shorter"):
            tally.counts["in place"] += len(new_data) == old.end and new.sections == old.sections
        if mode == "long":
            how = "new section" if len(new.sections) > len(old.sections) else "padding"
            if how == "padding" and new.sections[-1].raw_size != old.sections[-1].raw_size:
                how = "last section"
            tally.counts[how] += 1
            tally.peers.append((path, renames(old, mode), target))


def peer_problems(python: Path, views: list[tuple[Path, list]]) -> list[str]:
    """Files that LIEF or pefile read otherwise."""
    paths = "\n".join(str(path) for path, _ in views)
    done = subprocess.run([python, "-c", PEERS_READER], input=paths, capture_output=True, text=True, timeout=3600)
    lines = done.stdout.splitlines()
    if len(lines) != len(views):
        return [f"the peers stopped after {len(lines)} of {len(views)} files: {done.stderr[-300:]}"]
    found = []
    for (path, view), line in zip(views, lines):
        by_lief, by_pefile, warnings = json.loads(line)
        for who, seen in (("LIEF", by_lief), ("pefile", by_pefile)):
            if seen != view:
                found.append(f"{path.name}: {who} reads other imports")
        found += [f"{path.name}: pefile warns: {warning}" for warning in warnings]
    return found


def objdump_problems(tools: dict[str, object], views: list[tuple[Path, list]], counts: Counter) -> list[str]:
    """Files in which llvm-objdump or GNU objdump reads other names. GNU objdump knows no ARM64, and stops at the first
    name that is in another section than the import directory, also in files as published."""
    found = []
    for path, (imports, delay_imports) in views:
        file = reader.File(path.read_bytes())
        section = next((one for one in file.sections if one.pointer <= file.offset(file.directory(reader.IMPORT)[0]) < one.raw_end), None)
        inside = [section and section.pointer <= file.offset(one.name_rva) < section.raw_end for one in file.imports]
        whole = [name for name, _ in imports]
        wanted = {
            "llvm-objdump": [whole, whole + [name for name, _ in delay_imports]],
            "objdump": [whole[: [*inside, False].index(False)]] if file.machine != "arm64" else None,
        }
        for which, names in wanted.items():
            if not tools[which] or names is None:
                continue
            done = subprocess.run([tools[which], "-p", path], capture_output=True, text=True, timeout=120)
            seen = re.findall(r"^\s+DLL Name: (.*)$", done.stdout, re.M)
            counts[which] += 1
            if done.returncode != 0 or seen not in names:
                found.append(f"{path.name}: {which}: {done.stderr.strip()[:200] or seen}")
    return found


def uses_padding_of_others(old: reader.File, new: reader.File) -> bool:
    """Whether names were written into padding that is not ours to use: of writable data, of the resources, or such that
    is not zero."""
    resources = old.directory(2)[0]
    grown = [one for one, other in zip(old.sections, new.sections) if one.virtual_size < other.virtual_size]
    return any(
        one.flags & WRITE and one.name != b".idata"
        or one.rva <= resources < one.rva + one.memory_size
        or any(old.data[one.pointer + one.virtual_size : one.raw_end])
        for one in grown
    )


def compare_delvewheel(python: Path, tally: Tally) -> None:
    """The same edits by delvewheel, with what is different about the result."""
    copies, lines = [], []
    for path, names, ours in tally.peers:
        copy = path.with_name(f"{path.name}.delvewheel")
        shutil.copy(path, copy)
        copies.append(copy)
        lines.append(json.dumps([str(copy), names]))
    done = subprocess.run(
        [python, "-c", DELVEWHEEL], input="\n".join(lines), capture_output=True, text=True, timeout=3600
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(lines):
        tally.problems.append(f"delvewheel stopped: {done.stderr[-300:]}")
        return
    for copy, answer, (path, _, ours) in zip(copies, answers, tally.peers):
        if answer != "done":
            tally.refused.append(answer)
            tally.counts["delvewheel refuses"] += 1
            continue
        theirs, mine = reader.File(copy.read_bytes()), reader.File(ours.read_bytes())
        tally.counts["by both"] += 1
        tally.counts["bytes ours"] += len(mine.data) - len(path.read_bytes())
        tally.counts["bytes theirs"] += len(theirs.data) - len(path.read_bytes())
        if len(theirs.data) < len(mine.data) and not uses_padding_of_others(reader.File(path.read_bytes()), theirs):
            tally.problems.append(f"{path.name}: delvewheel adds less, and it is not said why")
        if [one.name for one in theirs.imports] != [one.name for one in mine.imports]:
            tally.problems.append(f"{path.name}: delvewheel gives other imports")
        if [one.name for one in theirs.delay_imports] != [one.name for one in mine.delay_imports]:
            tally.problems.append(f"{path.name}: delvewheel gives other delay imports")


def check_wheel(wheel: Path, edit: Path, tools: dict[str, object]) -> Tally:
    """Everything about one wheel."""
    tally = Tally()
    with tempfile.TemporaryDirectory(dir=fetch.cache_directory()) as scratch, zipfile.ZipFile(wheel) as archive:
        paths = {}
        for number, name in enumerate(archive.namelist()):
            data = archive.read(name)
            if data[:2] != b"MZ" or data[reader.File(data).coff - 4 :][:4] != b"PE\0\0":
                continue
            path = Path(scratch) / f"{number}-{Path(name).name}"
            path.write_bytes(data)
            paths[name] = path
            tally.counts["files"] += 1
            check_file(edit, path, name, tally)
        if tools["python"] and tally.views:
            tally.problems += peer_problems(tools["python"], tally.views)
            compare_delvewheel(tools["python"], tally)
            tally.counts["LIEF and pefile"] += len(tally.views)
        tally.problems += objdump_problems(tools, tally.views, tally.counts)
        if tools["wine"] and "win_amd64" in wheel.name:
            loaded, problems = pe_wine.load_renamed(tools["wine"], edit, Path(scratch) / "wine", paths)
            tally.counts["loaded by wine"] += loaded
            tally.problems += problems
    return tally


COLUMNS = ["files", "longer", "long", "same", "shorter", "in place", "padding", "new section", "last section",
           "LIEF and pefile", "llvm-objdump", "objdump", "loaded by wine", "by both", "bytes ours", "bytes theirs",
           "delvewheel refuses"]  # fmt: skip


def find_tools(present: list[fetch.Pin]) -> dict[str, object]:
    """The other readers that are there; says of each other one why it is skipped."""
    peers = [pin.path for pin in present if pin.name.startswith(("lief-", "pefile-", "delvewheel-"))]
    python = None
    if len(peers) == 3 and python_is_right():
        python = make_environment(fetch.cache_directory() / "pe-venv", peers)
    else:
        reason = PYTHON_REASON if len(peers) == 3 else "their wheels could not be had"
        print(f"skipped: LIEF, pefile and delvewheel: {reason}", file=sys.stderr)
    objdump = next(filter(shutil.which, ["x86_64-w64-mingw32-objdump", "objdump"]), None)
    if objdump is None or "pei-x86-64" not in run([objdump, "-i"]).output:
        print("skipped: reading back by objdump; install binutils-mingw-w64-x86-64", file=sys.stderr)
        objdump = None
    llvm = next(filter(shutil.which, ["llvm-objdump", "llvm-objdump-14"]), None)
    if llvm is None:
        print("skipped: reading back by llvm-objdump; install llvm (apt-get install llvm)", file=sys.stderr)
    wine = pe_wine.find()
    if isinstance(wine, str):
        print(f"skipped: loading under wine: {wine}", file=sys.stderr)
        wine = None
    return {"python": python, "objdump": objdump, "llvm-objdump": llvm, "wine": wine}


def main() -> int:
    options = arguments()
    present, missing = fetch.fetch("pe")
    wheels = [pin for pin in present if "-win" in pin.name]
    wheels = [pin for pin in wheels if not options.only or any(text in pin.name for text in options.only)]
    if not wheels:
        return skip(f"no wheels; missing: {missing}")
    tools = find_tools(present)
    edit, total = options.edit.absolute(), Tally()
    if tools["wine"]:
        chain, problems = pe_wine.chain(tools["wine"], edit)
        print("\n".join(chain) + "\n")
        total.problems += problems
    print("| wheel | " + " | ".join(COLUMNS) + " | problems |\n|---" + "|---" * (len(COLUMNS) + 1) + "|")
    for pin in wheels:
        tally = check_wheel(pin.path, edit, tools)
        short = pin.name.removesuffix(".whl").replace("-cp311", "")
        print(f"| {short} | " + " | ".join(str(tally.counts[c]) for c in COLUMNS) + f" | {len(tally.problems)} |", flush=True)
        tally.problems = [f"{short}: {problem}" for problem in tally.problems]
        total.add(tally)
    print("| **all** | " + " | ".join(str(total.counts[c]) for c in COLUMNS) + f" | {len(total.problems)} |")
    for text, count in sorted(Counter(total.refused).items()):
        print(f"delvewheel refuses {count}: {text}")
    for name, reason in missing.items():
        print(f"skipped: {name}: {reason}")
    print(f"\n{len(total.problems)} problems")
    for problem in total.problems:
        print(f"- {problem}")
    return 1 if total.problems else 0


if __name__ == "__main__":
    sys.exit(main())
