"""Which edit each shared object of a wheel gets: every name it has or asks for becomes longer, all in step.

The C library's names stay. All others change: what a file of the wheel provides is renamed in the directory too, and
what the machine provides is copied under its new name to `host-libraries`, so that the renamed tree is complete.
The longer RPATH leads to all these directories.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from elf_reader import ElfFile, is_libc_family

HOST_LIBRARIES = "host-libraries"

# Two rounds, each longer than the last: the second edit must cope with what the first left behind.
FILLERS = ("first-edit-0123456789abcdef", "second-edit-0123456789abcdef0123456789abcdef")


@dataclass(frozen=True)
class Edit:
    """What one file becomes. `path` is where it then lies in its tree."""

    path: str
    soname: str
    needed: tuple[tuple[str, str], ...]
    rpath: str

    def for_truewheel(self) -> list[str]:
        renames = [word for old, new in self.needed for word in ("--replace-needed", old, new)]
        return ["--set-soname", self.soname, *renames, "--rpath", self.rpath]

    def for_patchelf(self) -> list[str]:
        renames = [word for old, new in self.needed for word in ("--replace-needed", old, new)]
        return ["--set-soname", self.soname, *renames, "--force-rpath", "--set-rpath", self.rpath]


@dataclass
class Plan:
    """The edits of one wheel: for each file (by its path in the untouched tree) one per round."""

    edits: dict[str, list[Edit]]
    host_names: list[dict[str, str]]


def longer(name: str, filler: str) -> str:
    """`libfoo.so.1` with `filler` before the `.so`."""
    stem, dot, rest = name.partition(".so")
    return f"{stem}-{filler}{dot}{rest}"


def make_plan(files: dict[str, ElfFile]) -> Plan:
    """Plans both rounds for the files of one wheel, given by their paths in it."""
    needed = {name for elf in files.values() for name in elf.needed if not is_libc_family(name)}
    names = {PurePosixPath(path).name for path in files}
    edits: dict[str, list[Edit]] = {path: [] for path in files}
    rounds = []
    renamed = {name: name for name in needed}
    for filler in FILLERS:
        before = dict(renamed)
        renamed = {name: longer(current, filler) for name, current in renamed.items()}
        rounds.append({name: new for name, new in renamed.items() if name not in names})
        for path, elf in files.items():
            edits[path].append(one_edit(path, elf, edits[path], files, before, renamed, filler))
    return Plan(edits, rounds)


def one_edit(
    path: str,
    elf: ElfFile,
    earlier: list[Edit],
    files: dict[str, ElfFile],
    before: dict[str, str],
    renamed: dict[str, str],
    filler: str,
) -> Edit:
    """One file's edit in one round; `before` and `renamed` give each name's form before and after it."""
    pure = PurePosixPath(path)
    soname = earlier[-1].soname if earlier else elf.soname or pure.name
    rpath = earlier[-1].rpath if earlier else elf.rpath or elf.runpath or ""
    directories = {str(PurePosixPath(p).parent) for p in files if PurePosixPath(p).name in renamed}
    directories.add(HOST_LIBRARIES)
    entries = rpath.split(":") if rpath else []
    for directory in sorted(directories):
        entry = f"$ORIGIN/{os.path.relpath(directory, pure.parent)}"
        if entry not in entries:
            entries.append(entry)
    entries.append(f"$ORIGIN/{filler}")
    needed = tuple((before[n], renamed[n]) for n in dict.fromkeys(elf.needed) if n in renamed)
    new_path = str(pure.with_name(renamed.get(pure.name, pure.name)))
    return Edit(new_path, longer(soname, filler), needed, ":".join(entries))


def copy_host_libraries(names: dict[str, str], tree: Path, known: dict[str, str]) -> None:
    """Puts what the system provides (`known`: path by name) into the tree, under the new names."""
    (tree / HOST_LIBRARIES).mkdir(parents=True, exist_ok=True)
    for name, new in names.items():
        if name in known:
            shutil.copyfile(known[name], tree / HOST_LIBRARIES / new)
