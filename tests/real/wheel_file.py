"""Wheels as the PyPA specifications define them: check one, take one apart, put one together.

Written apart from `crates/wheel` so that it can contradict it. `problems` looks at everything in the archive that
an installer relies on: the file name's tags against WHEEL, and RECORD against every member.
"""

import base64
import csv
import hashlib
import io
import itertools
import zipfile
from pathlib import Path


def expanded_tags(file_name: str) -> set[str]:
    """The single tags that a wheel's file name stands for (compressed tag sets, PEP 425)."""
    parts = file_name.removesuffix(".whl").split("-")[-3:]
    return {"-".join(tag) for tag in itertools.product(*(part.split(".") for part in parts))}


def platforms(file_name: str) -> set[str]:
    """The platform tags in a wheel's file name."""
    return set(file_name.removesuffix(".whl").rsplit("-", 1)[1].split("."))


def record_hash(data: bytes) -> str:
    """A RECORD row's second column."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def dist_info(names: list[str]) -> str:
    """The one `.dist-info` directory among member names."""
    found = {name.split("/")[0] for name in names if name.split("/")[0].endswith(".dist-info")}
    if len(found) != 1:
        raise ValueError(f"dist-info directories: {sorted(found)}")
    return found.pop()


def problems(wheel: Path) -> list[str]:
    """Everything that is wrong with `wheel` as an archive; empty when it is right."""
    found = []
    with zipfile.ZipFile(wheel) as archive:
        bad = archive.testzip()
        if bad is not None:
            return [f"{bad} has a wrong CRC"]
        names = archive.namelist()
        contents = {name: archive.read(name) for name in names}
    found += [f"{name} is there {names.count(name)} times" for name in set(names) if names.count(name) > 1]
    try:
        info = dist_info(names)
        found += tag_problems(wheel.name, contents[f"{info}/WHEEL"].decode())
        found += record_problems(contents, info)
    except (KeyError, ValueError) as error:
        found.append(str(error))
    return found


def tag_problems(file_name: str, metadata: str) -> list[str]:
    """What is wrong with the WHEEL file."""
    fields = [line.split(": ", 1) for line in metadata.splitlines() if ": " in line]
    tags = [value.strip() for key, value in fields if key == "Tag"]
    found = []
    if set(tags) != expanded_tags(file_name):
        found.append(f"WHEEL has tags {sorted(tags)}, the file name {sorted(expanded_tags(file_name))}")
    if len(tags) != len(set(tags)):
        found.append(f"WHEEL has a tag twice: {tags}")
    purelib = [value.strip() for key, value in fields if key == "Root-Is-Purelib"]
    if purelib != ["false"]:
        found.append(f"Root-Is-Purelib is {purelib}, it should be there once and be false")
    return found


def record_problems(contents: dict[str, bytes], info: str) -> list[str]:
    """Where RECORD and the members disagree."""
    record = f"{info}/RECORD"
    rows = list(csv.reader(io.StringIO(contents[record].decode())))
    found = [f"RECORD row {row} has {len(row)} columns" for row in rows if len(row) != 3]
    rows = [row for row in rows if len(row) == 3]
    paths = [row[0] for row in rows]
    members = {name for name in contents if not name.endswith("/")}
    found += [f"RECORD has no row for {name}" for name in sorted(members - set(paths))]
    found += [f"RECORD has a row for {name}, which is not there" for name in sorted(set(paths) - members)]
    found += [f"RECORD has {path} more than once" for path in set(paths) if paths.count(path) > 1]
    for path, digest, size in rows:
        if path == record:
            if digest or size:
                found.append("RECORD gives itself a hash or a size")
        elif path in contents:
            if digest != record_hash(contents[path]):
                found.append(f"RECORD gives {path} {digest}, it has {record_hash(contents[path])}")
            if size != str(len(contents[path])):
                found.append(f"RECORD gives {path} {size} bytes, it has {len(contents[path])}")
    return found


def copy_problems(before: Path, after: Path) -> list[str]:
    """Where a repaired wheel changed more of the archive than it had to: order, dates, modes, compressed bytes."""
    if before.read_bytes() == after.read_bytes():
        return []
    with zipfile.ZipFile(before) as one, zipfile.ZipFile(after) as two:
        members = {member.filename: member for member in one.infolist()}
        found = []
        for member in two.infolist():
            old = members.get(member.filename)
            if old is None or old.CRC != member.CRC:
                continue
            # The mode's type bits may be added (0o664 becomes 0o100664), the permissions stay.
            facts = [(m.date_time, m.compress_size, m.external_attr >> 16 & 0o7777) for m in (old, member)]
            if facts[0] != facts[1]:
                found.append(f"{member.filename} was {facts[0]}, is {facts[1]}, with the same contents")
        names = two.namelist()
        gone = [name for name in members if name not in names and not name.endswith("/")]
        found += [f"{name} is not there any more" for name in gone]
        info = [name.split("/")[0].endswith(".dist-info") for name in names]
        if info != sorted(info):
            found.append("the .dist-info directory is not at the end of the archive")
        if not names[-1].endswith(".dist-info/RECORD"):
            found.append(f"{names[-1]} comes after RECORD")
    return found


def unpack(wheel: Path, directory: Path) -> list[Path]:
    """Writes every member below `directory`, with its mode; returns the files' paths."""
    written = []
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = Path(archive.extract(member, directory))
            mode = member.external_attr >> 16 & 0o777
            if path.is_file():
                path.chmod(mode or 0o644)
                written.append(path)
    return written


def pack(directory: Path, wheel: Path) -> None:
    """Makes a wheel of everything below `directory`; RECORD is written anew and last."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    info = dist_info([path.relative_to(directory).as_posix() for path in files])
    record = directory / info / "RECORD"
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    files = [path for path in files if path != record]
    for path in files:
        data = path.read_bytes()
        writer.writerow([path.relative_to(directory).as_posix(), record_hash(data), len(data)])
    writer.writerow([f"{info}/RECORD", "", ""])
    record.write_text(rows.getvalue())
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in [*files, record]:
            # One date for all, so that the same tree gives the same bytes.
            member = zipfile.ZipInfo(path.relative_to(directory).as_posix(), (2020, 1, 1, 0, 0, 0))
            member.external_attr = path.stat().st_mode << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, path.read_bytes())
