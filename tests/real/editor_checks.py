"""What must hold of one edited shared object, by readers that share nothing with the editor.

Each function returns the problems it found, as sentences; an empty list is a pass.
"""

import re
import struct
from collections import Counter
from pathlib import Path

from editor_plan import Edit
from elf_reader import SHF_ALLOC, SHF_WRITE, ElfFile, Section
from processes import run

# Sections that hold what was edited: SHT_DYNAMIC, SHT_GNU_verneed, and the string table both point into.
SHT_DYNAMIC, SHT_GNU_VERNEED, SHF_EXECINSTR = 6, 0x6FFFFFFE, 4
SHT_SYMTAB, SHT_RELA, SHT_REL = 2, 4, 9

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
        if a.kind == SHT_SYMTAB and a.size == b.size:
            problems += symbol_problems(before, old, new, index)
        elif a.size != b.size or a.contents != b.contents:
            problems.append(f"{where} has other contents ({a.size} bytes, now {b.size})")
    moved += [f"+{section.name}" for section in new[len(old) :]]
    return problems + overlap_problems(new), moved


def symbol_problems(elf: ElfFile, old: list[Section], new: list[Section], index: int) -> list[str]:
    """Symbols of `.symtab` that changed otherwise than by following their section to its new address."""
    layout = struct.Struct(elf.order + ("IBBHQQ" if elf.is_64 else "IIIBBH"))

    def symbol(raw: tuple) -> tuple[int, int, tuple]:
        if elf.is_64:
            name, info, other, section, value, size = raw
        else:
            name, value, size, info, other, section = raw
        return section, value, (name, size, info, other, section)

    problems = []
    pairs = zip(layout.iter_unpack(old[index].contents), layout.iter_unpack(new[index].contents))
    for number, (a, b) in enumerate(pairs):
        if a == b:
            continue
        (section, was, rest), (_, now, others) = symbol(a), symbol(b)
        if rest != others or section >= len(old) or now - was != new[section].address - old[section].address:
            problems.append(f"symbol {number} of `.symtab` is {b}, was {a}")
    return problems[:5]


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
    loads = len(after.loads) - len(before.loads)
    if loads > 1:
        problems.append(f"{loads} more PT_LOAD segments, at most one is needed")
    # glibc before 2.36 adds the load address to the pointers in .dynamic in place.
    if dynamic_is_writable(before) and not dynamic_is_writable(after):
        problems.append("PT_DYNAMIC was writable and is no more")
    known = set(segment_problems(before))
    return problems + [problem for problem in segment_problems(after) if problem not in known]


def dynamic_is_writable(elf: ElfFile) -> bool:
    """Whether PT_DYNAMIC (2) lies in a writable PT_LOAD, whole."""
    dynamic = next(s for s in elf.segments if s.kind == 2)
    end = dynamic.address + dynamic.file_size
    return any(s.flags & 2 and s.address <= dynamic.address and end <= s.address + s.memory_size for s in elf.loads)


def segment_problems(elf: ElfFile) -> list[str]:
    """What a loader with pages as large as the file was linked for would stumble over (gABI, program loading)."""
    problems = []
    page = max([s.align for s in elf.loads], default=1)
    for s in elf.loads:
        if s.align > 1 and (s.offset - s.address) % s.align:
            problems.append(f"PT_LOAD at {s.address:#x}: offset {s.offset:#x} is not congruent modulo {s.align:#x}")
        if s.offset + s.file_size > len(elf.data):
            problems.append(f"PT_LOAD at {s.address:#x} runs past the end of the file")
    for a, b in zip(elf.loads, elf.loads[1:]):
        if b.address < a.address + a.memory_size:
            problems.append(f"PT_LOAD at {b.address:#x} comes before the end of the one at {a.address:#x}")
        elif page > 1 and b.address // page <= (a.address + a.memory_size - 1) // page:
            problems.append(f"PT_LOAD at {a.address:#x} and {b.address:#x} share a page of {page:#x} bytes")
    table = elf.phnum * elf.phentsize
    for s in elf.segments:
        # PT_PHDR (6): the loader finds the table, and with it where the file lies, by this entry.
        if s.kind == 6 and (s.offset, s.file_size) != (elf.phoff, table):
            problems.append(f"PT_PHDR gives {s.offset:#x}, {s.file_size} bytes; the table is {elf.phoff:#x}, {table}")
    return problems


def lint(path: Path) -> Counter[str]:
    """What eu-elflint says to a file, with all numbers replaced so that two files can be compared."""
    output = run(["eu-elflint", "--gnu-ld", path], timeout=300).output
    lines = [line for line in output.splitlines() if line and line != "No errors"]
    return Counter(re.sub(r"0x[0-9a-f]+|\d+", "#", line.replace(str(path), "FILE")) for line in lines)


def is_false(line: str, elf: ElfFile) -> bool:
    """Whether a new complaint of eu-elflint is shown to be wrong by the file.

    It takes r_offset plus the size of the relocated *symbol* for the relocated place (elflint.c, check_one_reloc), so
    a place before a read-only segment seems to lie in it. Wrong if every relocated place is in a writable segment.
    """
    if "read-only section modified but text relocation flag not set" not in line:
        return False
    writable = [s for s in elf.loads if s.flags & 2]
    for section in elf.sections():
        if section.kind in (SHT_RELA, SHT_REL) and section.flags & SHF_ALLOC:
            word = "Q" if elf.is_64 else "I"
            layout = struct.Struct(elf.order + word * (3 if section.kind == SHT_RELA else 2))
            for place, *_ in layout.iter_unpack(section.contents):
                if not any(s.address <= place < s.address + s.memory_size for s in writable):
                    return False
    return True
