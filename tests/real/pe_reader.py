"""A small PE reader, written apart from `crates/pe` so that it can contradict it.

Names are those of winnt.h. Everything is found as the loader finds it: tables by their own addresses, addresses by the
section table.
"""

import struct
from dataclasses import dataclass

MACHINES = {0x14C: "x86", 0x8664: "x64", 0xAA64: "arm64"}
EXPORT, IMPORT, SECURITY, DEBUG, LOAD_CONFIG, BOUND_IMPORT, DELAY_IMPORT = 0, 1, 4, 6, 10, 11, 13
FORCE_INTEGRITY, DISCARDABLE = 0x80, 0x02000000


@dataclass(frozen=True)
class Section:
    """One section header."""

    header: int
    name: bytes
    virtual_size: int
    rva: int
    raw_size: int
    pointer: int
    flags: int

    @property
    def memory_size(self) -> int:
        return self.virtual_size or self.raw_size

    @property
    def raw_end(self) -> int:
        return self.pointer + self.raw_size if self.raw_size else 0


@dataclass(frozen=True)
class Import:
    """One library that a file needs, and what it needs of it."""

    descriptor: int
    name_rva: int
    name: str
    symbols: tuple
    tables: tuple


class File:
    """What the loader reads in a PE file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.coff = self.u32(0x3C) + 4
        self.optional = self.coff + 20
        machine, self.count, _, symbols, number, size, _ = struct.unpack_from("<HHIIIHH", data, self.coff)
        self.machine = MACHINES[machine]
        self.wide = struct.unpack_from("<H", data, self.optional)[0] == 0x20B
        self.directories_at = self.optional + (112 if self.wide else 96)
        self.base = struct.unpack_from("<Q", data, self.optional + 24)[0] if self.wide else self.u32(self.optional + 28)
        self.section_alignment, self.file_alignment = self.u32(self.optional + 32), self.u32(self.optional + 36)
        self.image_size, self.header_size = self.u32(self.optional + 56), self.u32(self.optional + 60)
        self.checksum = self.u32(self.optional + 64)
        self.flags = struct.unpack_from("<H", data, self.optional + 70)[0]
        self.table = self.optional + size
        self.sections = [self.section(self.table + 40 * i) for i in range(self.count)]
        self.symbols = (symbols, 18 * number + self.u32(symbols + 18 * number)) if symbols else None

    def u32(self, offset: int) -> int:
        return struct.unpack_from("<I", self.data, offset)[0]

    def section(self, at: int) -> Section:
        name, *fields = struct.unpack_from("<8sIIII", self.data, at)
        return Section(at, name.rstrip(b"\0"), *fields, self.u32(at + 36))

    def directory(self, index: int) -> tuple[int, int]:
        return self.u32(self.directories_at + 8 * index), self.u32(self.directories_at + 8 * index + 4)

    def offset(self, rva: int) -> int:
        """The file offset of an address."""
        if rva < self.header_size:
            return rva
        for one in self.sections:
            if one.rva <= rva < one.rva + max(one.memory_size, one.raw_size):
                if rva - one.rva >= one.raw_size:
                    break
                return one.pointer + rva - one.rva
        raise ValueError(f"{rva:#x} is not in the file")

    def at(self, rva: int) -> int:
        return self.u32(self.offset(rva))

    def text(self, rva: int) -> str:
        start = self.offset(rva)
        return self.data[start : self.data.index(b"\0", start)].decode()

    def thunks(self, rva: int, base: int) -> tuple:
        """The symbols of a lookup table."""
        found, size = [], 8 if self.wide else 4
        while value := int.from_bytes(self.data[self.offset(rva) : self.offset(rva) + size], "little"):
            by_number = value >> (8 * size - 1)
            found.append(value & 0xFFFF if by_number else self.text(value - base + 2))
            rva += size
        return tuple(found)

    @property
    def imports(self) -> list[Import]:
        found, rva = [], self.directory(IMPORT)[0]
        while rva and self.at(rva + 12) and self.at(rva + 16):
            lookup, _, _, name, addresses = (self.at(rva + 4 * i) for i in range(5))
            symbols = self.thunks(lookup or addresses, 0)
            found.append(Import(rva, name, self.text(name), symbols, (lookup, addresses)))
            rva += 20
        return found

    @property
    def delay_imports(self) -> list[Import]:
        found, rva = [], self.directory(DELAY_IMPORT)[0]
        while rva and self.at(rva + 4):
            base = 0 if self.at(rva) & 1 else self.base
            _, name, _, addresses, lookup = (self.at(rva + 4 * i) for i in range(5))
            symbols = self.thunks(lookup - base, base)
            found.append(Import(rva, name - base, self.text(name - base), symbols, (lookup, addresses)))
            rva += 32
        return found

    @property
    def exports(self) -> list[tuple]:
        """Number, names, and address or forwarder of each export."""
        start, size = self.directory(EXPORT)
        if not start:
            return []
        base, functions, count, addresses, names, ordinals = (self.at(start + 16 + 4 * i) for i in range(6))
        called: dict[int, list[str]] = {}
        for i in range(count):
            index = struct.unpack_from("<H", self.data, self.offset(ordinals + 2 * i))[0]
            called.setdefault(index, []).append(self.text(self.at(names + 4 * i)))
        found = []
        for i in range(functions):
            rva = self.at(addresses + 4 * i)
            target = self.text(rva) if start <= rva < start + size else rva
            found.append((base + i, tuple(called.get(i, [])), target))
        return found

    @property
    def forwarder_entries(self) -> list[tuple[int, int]]:
        """Where the address of each forwarder stands, and that address."""
        start, size = self.directory(EXPORT)
        if not start:
            return []
        functions, table = self.at(start + 20), self.at(start + 28)
        entries = ((table + 4 * i, self.at(table + 4 * i)) for i in range(functions))
        return [(entry, rva) for entry, rva in entries if start <= rva < start + size]

    @property
    def load_flags_at(self) -> int | None:
        """Where DependentLoadFlags stands in the file."""
        start, field = self.directory(LOAD_CONFIG)[0], 0x4E if self.wide else 0x36
        return self.offset(start + field) if start and self.at(start) >= field + 2 else None

    @property
    def debug(self) -> list[tuple[int, bytes]]:
        """Where each PointerToRawData stands, and the data it leads to."""
        start, size = self.directory(DEBUG)
        found = []
        for rva in range(start, start + size - 27, 28) if start else ():
            length, pointer = self.at(rva + 16), self.at(rva + 24)
            found.append((self.offset(rva + 24), self.data[pointer : pointer + length]))
        return found

    @property
    def end(self) -> int:
        """Where the file ends without certificates, if they are its end."""
        start, size = self.directory(SECURITY)
        data_end = max(one.raw_end for one in self.sections)
        if not size or self.data[start + size :].strip(b"\0") or start < data_end:
            return len(self.data)
        return data_end if start - data_end < 8 else start

    def right_checksum(self) -> int:
        """What CheckSum should be."""
        field = self.optional + 64
        data = self.data[:field] + b"\0\0\0\0" + self.data[field + 4 :]
        data += b"\0" * (len(data) % 2)
        total = sum(memoryview(data).cast("H"))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return (total + len(self.data)) & 0xFFFFFFFF


def aligned(value: int, alignment: int) -> int:
    return -(-value // alignment) * alignment
