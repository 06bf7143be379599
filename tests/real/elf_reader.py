"""A small ELF reader, written apart from `crates/elf` so that it can contradict it.

The dynamic view (SONAME, NEEDED, RPATH, RUNPATH, version needs) is read as a loader reads it: from the program
headers alone. Sections are read for the one question that needs them: which of them an edit changed.
Names are those of the System V gABI, chapters 4 and 5.
"""

import struct
from dataclasses import dataclass, field

PT_LOAD, PT_DYNAMIC, PT_PHDR = 1, 2, 6
DT_NEEDED, DT_STRTAB, DT_SONAME, DT_RPATH, DT_RUNPATH = 1, 5, 14, 15, 29
DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
SHT_NOBITS, SHF_ALLOC, SHF_WRITE = 8, 2, 1
EM_386, EM_X86_64, EM_AARCH64 = 3, 62, 183
MACHINES = {EM_386: "i686", EM_X86_64: "x86_64", EM_AARCH64: "aarch64"}


@dataclass
class Segment:
    kind: int
    flags: int
    offset: int
    address: int
    file_size: int
    memory_size: int
    align: int


@dataclass
class Section:
    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    entry_size: int
    contents: memoryview = field(repr=False)


class ElfFile:
    """The parts of one ELF file that the scripts here compare. Raises ValueError on what is not ELF."""

    def __init__(self, data: bytes):
        if data[:4] != b"\x7fELF":
            raise ValueError("no ELF magic number")
        self.data = memoryview(data)
        self.is_64 = data[4] == 2
        self.order = "<" if data[5] == 1 else ">"
        address = "Q" if self.is_64 else "I"
        header = struct.unpack_from(f"{self.order}HHI{address * 3}I6H", data, 16)
        self.kind, self.machine = header[0], header[1]
        self.phoff, self.shoff = header[4], header[5]
        self.phentsize, self.phnum, self.shentsize, self.shnum, self.shstrndx = header[8:13]
        self.segments = [self._segment(i) for i in range(self.phnum)]
        self._dynamic = self._read_dynamic()

    def _segment(self, index: int) -> Segment:
        at = self.phoff + index * self.phentsize
        if self.is_64:
            kind, flags, offset, vaddr, _, filesz, memsz, align = struct.unpack_from(
                f"{self.order}IIQQQQQQ", self.data, at
            )
        else:
            kind, offset, vaddr, _, filesz, memsz, flags, align = struct.unpack_from(
                f"{self.order}8I", self.data, at
            )
        return Segment(kind, flags, offset, vaddr, filesz, memsz, align)

    def _read_dynamic(self) -> list[tuple[int, int]]:
        entry = struct.Struct(self.order + ("qQ" if self.is_64 else "iI"))
        found = []
        for segment in self.segments:
            if segment.kind != PT_DYNAMIC:
                continue
            for at in range(segment.offset, segment.offset + segment.file_size, entry.size):
                tag, value = entry.unpack_from(self.data, at)
                if tag == 0:
                    break
                found.append((tag, value))
        return found

    @property
    def is_dynamic(self) -> bool:
        return bool(self._dynamic)

    @property
    def loads(self) -> list[Segment]:
        """The PT_LOAD segments, in the order of the table."""
        return [segment for segment in self.segments if segment.kind == PT_LOAD]

    def offset_of(self, address: int) -> int:
        """The file offset that is loaded at `address`."""
        for s in self.segments:
            if s.kind == PT_LOAD and s.address <= address < s.address + s.file_size:
                return address - s.address + s.offset
        raise ValueError(f"address {address:#x} is in no segment")

    def values(self, tag: int) -> list[int]:
        return [value for key, value in self._dynamic if key == tag]

    def string(self, index: int) -> str:
        """The string at `index` of the dynamic string table."""
        start = self.offset_of(self.values(DT_STRTAB)[0]) + index
        return bytes(self.data[start : start + 65536]).split(b"\0", 1)[0].decode("utf-8", "surrogateescape")

    def _one_string(self, tag: int) -> str | None:
        indexes = self.values(tag)
        return self.string(indexes[0]) if indexes else None

    @property
    def soname(self) -> str | None:
        return self._one_string(DT_SONAME)

    @property
    def rpath(self) -> str | None:
        return self._one_string(DT_RPATH)

    @property
    def runpath(self) -> str | None:
        return self._one_string(DT_RUNPATH)

    @property
    def needed(self) -> list[str]:
        return [self.string(index) for index in self.values(DT_NEEDED)]

    def version_files(self) -> list[str]:
        """The file names in the version needs, in their order."""
        if not self.values(DT_VERNEED):
            return []
        at = self.offset_of(self.values(DT_VERNEED)[0])
        names = []
        for _ in range(self.values(DT_VERNEEDNUM)[0]):
            _, _, name, _, step = struct.unpack_from(f"{self.order}HHIII", self.data, at)
            names.append(self.string(name))
            at += step
        return names

    def sections(self) -> list[Section]:
        """Every section, in the order of the section header table; none when there is no table."""
        if self.shoff == 0 or self.shnum == 0:
            return []
        layout = struct.Struct(self.order + ("IIQQQQIIQQ" if self.is_64 else "10I"))
        raw = [layout.unpack_from(self.data, self.shoff + i * self.shentsize) for i in range(self.shnum)]
        names = bytes(self.data[raw[self.shstrndx][4] :][: raw[self.shstrndx][5]])
        found = []
        for name, kind, flags, address, offset, size, link, info, _, entry_size in raw:
            contents = self.data[offset : offset + size] if kind != SHT_NOBITS else self.data[:0]
            text = names[name:].split(b"\0", 1)[0].decode("utf-8", "replace")
            found.append(Section(text, kind, flags, address, offset, size, link, info, entry_size, contents))
        return found


# What every glibc or musl system has under its own name; renaming it would break any program.
LIBC_FAMILY = (
    "libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "libutil.so", "libresolv.so",
    "libnsl.so", "libanl.so", "libcrypt.so", "libmvec.so", "libc.musl-", "ld-linux", "ld-musl", "ld64.so",
)  # fmt: skip


def is_libc_family(name: str) -> bool:
    """Whether `name` belongs to the C library."""
    return name.startswith(LIBC_FAMILY)
