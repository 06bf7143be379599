"""A small Mach-O reader, written apart from `crates/macho` so that it can contradict it.

Names are those of <mach-o/loader.h>, <mach-o/fat.h> and <kern/cs_blobs.h>. 64-bit little-endian slices only, which
is all that wheels have.
"""

import hashlib
import struct
from dataclasses import dataclass, field

LC_SEGMENT_64, LC_ID_DYLIB, LC_UUID, LC_CODE_SIGNATURE, LC_BUILD_VERSION = 0x19, 0xD, 0x1B, 0x1D, 0x32
LC_RPATH = 0x8000001C
LOADS = (0xC, 0x80000018, 0x8000001F, 0x20, 0x80000023)
MH_DYLIB = 6
CPU_TYPES = {0x01000007: "x86_64", 0x0100000C: "arm64"}
S_ZEROFILL = (1, 12, 18)
CS_LINKER_SIGNED = 0x20000
HASHES = {1: ("sha1", 20), 2: ("sha256", 32)}


def u32(data: bytes, offset: int) -> int:
    return struct.unpack_from("<I", data, offset)[0]


def b32(data: bytes, offset: int) -> int:
    return struct.unpack_from(">I", data, offset)[0]


def until_nul(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode()


@dataclass
class Directory:
    """One CodeDirectory."""

    slot: int
    flags: int
    identifier: str
    hash_type: int
    page_shift: int
    code_limit: int
    pages: list[bytes]
    special: dict[int, bytes]


@dataclass
class Signature:
    """An embedded signature: its place, the length of its blobs, and what they say."""

    offset: int
    size: int
    length: int
    blobs: dict[int, bytes]
    directories: list[Directory]

    @property
    def is_codesigns(self) -> bool:
        return not any(d.flags & CS_LINKER_SIGNED for d in self.directories)


@dataclass
class Slice:
    """One CPU of a file."""

    data: bytes
    offset: int
    align: int
    cpu: str = ""
    kind: int = 0
    commands: list[tuple[int, int, bytes]] = field(default_factory=list)
    identity: str | None = None
    loads: list[tuple[int, str, bytes]] = field(default_factory=list)
    rpaths: list[str] = field(default_factory=list)
    segments: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    sections: dict[tuple[str, str], bytes] = field(default_factory=dict)
    first_content: int = 0
    sdk: int = 0
    uuid: str = ""
    signature: Signature | None = None

    @property
    def commands_end(self) -> int:
        return 32 + u32(self.data, 20)


def slices(data: bytes) -> list[Slice]:
    """The slices of a file in the order of its header; none if it is no Mach-O file."""
    magic = data[:4]
    if magic == b"\xcf\xfa\xed\xfe":
        return [read_slice(data, 0, 0)]
    if magic != b"\xca\xfe\xba\xbe" or b32(data, 4) > 44:
        return []
    found = []
    for record in range(8, 8 + 20 * b32(data, 4), 20):
        offset, size, align = struct.unpack_from(">III", data, record + 8)
        assert offset % (1 << align) == 0 and offset + size <= len(data)
        if data[offset : offset + 8] == b"!<arch>\n":
            continue  # a static archive, which only a linker reads
        found.append(read_slice(data[offset : offset + size], offset, align))
    return found


def read_slice(data: bytes, offset: int, align: int) -> Slice:
    found = Slice(data, offset, align, CPU_TYPES[u32(data, 4)], u32(data, 12), first_content=len(data))
    at = 32
    for _ in range(u32(data, 16)):
        number, size = struct.unpack_from("<II", data, at)
        read_command(found, number, at, data[at : at + size])
        at += size
    assert at == found.commands_end <= found.first_content, "the commands do not add up"
    return found


def read_command(found: Slice, number: int, at: int, command: bytes) -> None:
    found.commands.append((number, at, command))
    if number == LC_SEGMENT_64:
        read_segment(found, command)
    elif number == LC_ID_DYLIB:
        found.identity = until_nul(command[u32(command, 8) :])
    elif number in LOADS:
        name = u32(command, 8)
        found.loads.append((number, until_nul(command[name:]), command[12:name]))
    elif number == LC_RPATH:
        found.rpaths.append(until_nul(command[u32(command, 8) :]))
    elif number == LC_UUID:
        found.uuid = command[8:24].hex()
    elif number == LC_BUILD_VERSION:
        found.sdk = u32(command, 16) >> 16
    elif number == LC_CODE_SIGNATURE:
        found.signature = read_signature(found.data, u32(command, 8), u32(command, 12))


def read_segment(found: Slice, command: bytes) -> None:
    segment = until_nul(command[8:24])
    address, memory_size, offset, size = struct.unpack_from("<QQQQ", command, 24)
    found.segments[segment] = (address, memory_size, offset, size)
    for at in range(72, 72 + 80 * u32(command, 64), 80):
        name, (section_size, start) = until_nul(command[at : at + 16]), struct.unpack_from("<QI", command, at + 40)
        if command[at + 64] in S_ZEROFILL or not section_size:
            continue
        found.sections[segment, name] = found.data[start : start + section_size]
        found.first_content = min(found.first_content, start)
    if not u32(command, 64) and offset:
        found.first_content = min(found.first_content, offset)


def read_signature(data: bytes, offset: int, size: int) -> Signature:
    blob = data[offset : offset + size]
    assert b32(blob, 0) == 0xFADE0CC0
    found = Signature(offset, size, b32(blob, 4), {}, [])
    for at in range(12, 12 + 8 * b32(blob, 8), 8):
        slot, start = struct.unpack_from(">II", blob, at)
        found.blobs[slot] = blob[start : start + b32(blob, start + 4)]
        if slot == 0 or 0x1000 <= slot < 0x1005:
            found.directories.append(read_directory(slot, found.blobs[slot]))
    return found


def read_directory(slot: int, blob: bytes) -> Directory:
    flags, hashes, name, specials, pages, limit = struct.unpack_from(">IIIIII", blob, 12)
    kind = blob[37]
    size = HASHES[kind][1]
    special = {n: blob[hashes - n * size : hashes - (n - 1) * size] for n in range(1, specials + 1)}
    page_hashes = [blob[hashes + n * size : hashes + (n + 1) * size] for n in range(pages)]
    return Directory(slot, flags, until_nul(blob[name:]), kind, blob[39], limit, page_hashes, special)


def signature_problems(found: Slice) -> list[str]:
    """What the kernel would not accept of a slice's signature."""
    signature = found.signature
    if signature is None:
        return ["no signature"] if found.cpu == "arm64" else []
    problems = []
    address, memory_size, offset, size = found.segments["__LINKEDIT"]
    if not offset + size == signature.offset + signature.size == len(found.data):
        problems.append("__LINKEDIT, the signature and the slice do not end together")
    if memory_size < size:
        problems.append(f"__LINKEDIT takes {memory_size} bytes of memory for {size}")
    if not any(d.hash_type == 2 for d in signature.directories):
        problems.append("no SHA-256")
    for directory in signature.directories:
        name = HASHES[directory.hash_type][0]
        step = 1 << directory.page_shift
        if directory.code_limit != signature.offset:
            problems.append(f"{name}: codeLimit is {directory.code_limit}, the signature is at {signature.offset}")
        code = found.data[: directory.code_limit]
        pages = [hashlib.new(name, code[at : at + step]).digest() for at in range(0, len(code), step)]
        if pages != directory.pages:
            problems.append(f"{name}: a page hash is wrong")
        for slot, blob in signature.blobs.items():
            if 0 < slot < 12 and directory.special.get(slot) != hashlib.new(name, blob).digest():
                problems.append(f"{name}: the hash of slot {slot} is wrong")
    return problems


def unsigned(data: bytes) -> bytes:
    """A file with its signatures cut off: the end of `__LINKEDIT` gone, and the command where it is the last one.

    Another place of the command is the linker's doing and kept; the command then points at nothing.
    """
    parts = [(found, cut(found)) for found in slices(data)]
    if data[:4] != b"\xca\xfe\xba\xbe":
        return parts[0][1]
    whole = bytearray(data[: 8 + 20 * len(parts)])
    for number, (found, part) in enumerate(parts):
        whole += bytes(-len(whole) % (1 << found.align))
        struct.pack_into(">II", whole, 8 + 20 * number + 8, len(whole), len(part))
        whole += part
    return bytes(whole)


def cut(found: Slice) -> bytes:
    if found.signature is None:
        return found.data
    end = found.signature.offset
    data = bytearray(found.data[:end])
    for number, at, command in found.commands:
        if number == LC_SEGMENT_64 and until_nul(command[8:24]) == "__LINKEDIT":
            struct.pack_into("<Q", data, at + 48, end - found.segments["__LINKEDIT"][2])
    number, at, command = next(one for one in found.commands if one[0] == LC_CODE_SIGNATURE)
    if at + len(command) == found.commands_end:
        data[at : at + 16] = bytes(16)
        struct.pack_into("<II", data, 16, u32(data, 16) - 1, u32(data, 20) - 16)
    else:
        struct.pack_into("<II", data, at + 8, end, 0)
    return bytes(data)
