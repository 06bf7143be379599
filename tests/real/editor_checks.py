"""What must hold of one edited shared object, by readers that share nothing with the editor.

Each function returns the problems it found, as sentences; an empty list is a pass.
"""

import re
from collections import Counter
from pathlib import Path

from editor_plan import Edit
from elf_reader import SHF_ALLOC, SHF_WRITE, ElfFile, Section
from processes import run

# Sections that hold what was edited: SHT_DYNAMIC, SHT_GNU_verneed, and the string table both point into.
SHT_DYNAMIC, SHT_GNU_VERNEED, SHF_EXECINSTR = 6, 0x6FFFFFFE, 4

# Tables that nothing but the dynamic section or a program header points to: they may lie elsewhere after an edit.
MOVABLE = re.compile(r"\.(interp|note\S*|hash|gnu\.hash|dynsym|dynstr|dynamic|gnu\.version(_r|_d)?|shstrtab)$")


def view_problems(data: bytes, before: ElfFile, edit: Edit) -> list[str]:
    """Where the dynamic view of `data` is not `before` with `edit` done to it."""
    elf = ElfFile(data)
    renames = dict(edit.needed)
    wanted = {
        "SONAME": (elf.soname, edit.soname),
        "RPATH": (elf.rpath, edit.rpath),
        "RUNPATH": (elf.runpath, None),
        "NEEDED": (elf.needed, [renames.get(name, name) for name in before.needed]),
        "version files": (elf.version_files(), [renames.get(n, n) for n in before.version_files()]),
    }
    return [f"{what} is {got}, should be {want}" for what, (got, want) in wanted.items() if got != want]


def is_edited(section: Section, dynstr: int | None) -> bool:
    """Whether an edit of names may change this section's contents."""
    return section.kind in (SHT_DYNAMIC, SHT_GNU_VERNEED) or section.offset == dynstr or section.name == ".dynstr"


def section_problems(before: ElfFile, after: ElfFile) -> tuple[list[str], list[str]]:
    """Which sections changed that should not have; and the names of those that only moved."""
    old, new = before.sections(), after.sections()
    problems, moved = [], []
    if len(new) < len(old):
        return [f"{len(old)} sections became {len(new)}"], []
    for index, (a, b) in enumerate(zip(old, new)):
        where = f"section {index} `{a.name}`"
        if (a.name, a.kind, a.flags, a.entry_size) != (b.name, b.kind, b.flags, b.entry_size):
            problems.append(f"{where} became `{b.name}` of type {b.kind:#x}, flags {b.flags:#x}")
            continue
        # sh_info of the version needs is their number, which a renaming does not change either.
        if (a.link, a.info) != (b.link, b.info):
            problems.append(f"{where} has link {b.link} and info {b.info}, had {a.link} and {a.info}")
        if a.address != b.address:
            moved.append(a.name)
            if not MOVABLE.match(a.name) or a.flags & (SHF_WRITE | SHF_EXECINSTR) and a.kind != SHT_DYNAMIC:
                problems.append(f"{where} moved from {a.address:#x} to {b.address:#x}")
        if is_edited(a, None) or a.name == ".shstrtab" and len(new) > len(old):
            continue
        if a.size != b.size or a.contents != b.contents:
            problems.append(f"{where} has other contents ({a.size} bytes, now {b.size})")
    moved += [f"+{section.name}" for section in new[len(old) :]]
    return problems + overlap_problems(new), moved


def overlap_problems(sections: list[Section]) -> list[str]:
    """Sections with bytes in the file that share some of them."""
    # SHT_NULL has no bytes, SHT_NOBITS (8) none in the file.
    real = sorted((s.offset, s.size, s.name) for s in sections if s.kind not in (0, 8) and s.size)
    return [
        f"`{name}` at {offset:#x} lies inside `{earlier}`"
        for (start, size, earlier), (offset, _, name) in zip(real, real[1:])
        if offset < start + size
    ]


def memory_problems(before: ElfFile, after: ElfFile) -> list[str]:
    """Loaded sections whose header no longer says where the segments put them."""
    problems = []
    for section in after.sections():
        if section.flags & SHF_ALLOC and section.kind not in (0, 8) and section.size:
            try:
                offset = after.offset_of(section.address)
            except ValueError as error:
                problems.append(f"`{section.name}`: {error}")
                continue
            if offset != section.offset:
                problems.append(f"`{section.name}` is at {section.offset:#x}, the segments say {offset:#x}")
    old = sum(1 for s in before.segments if s.kind == 1)
    new = sum(1 for s in after.segments if s.kind == 1)
    if new > old + 1:
        problems.append(f"{new - old} more PT_LOAD segments, at most one is needed")
    return problems


def lint(path: Path) -> Counter[str]:
    """What eu-elflint says to a file, with all numbers replaced so that two files can be compared."""
    output = run(["eu-elflint", "--gnu-ld", path], timeout=300).output
    lines = [line for line in output.splitlines() if line and line != "No errors"]
    return Counter(re.sub(r"0x[0-9a-f]+|\d+", "#", line.replace(str(path), "FILE")) for line in lines)
