"""Loads renamed DLLs under wine: a chain made here by mingw-w64, and the files of published wheels.

What wine shows is that its loader takes the file and finds each library by its new name. It is more lenient than
Windows about gaps between sections and about signatures, which is why `pe.py` checks those by itself.
"""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import fetch
import pe_reader as reader

SOURCES = Path(__file__).with_name("pe_chain")
GCC, OBJDUMP, STRIP = (f"x86_64-w64-mingw32-{tool}" for tool in ("gcc", "objdump", "strip"))
VALUE = 10 * 3 + 3 + 40


@dataclass
class Wine:
    """A wine that runs, with its own prefix, and the program that loads DLLs in it."""

    program: str
    prefix: Path
    host: Path
    linker: str | None

    def load(self, paths: list[Path], directories: list[Path]) -> dict[Path, str]:
        """What came of loading each file, in one process as long as none crashes."""
        results: dict[Path, str] = {}
        left = list(paths)
        while left:
            with tempfile.NamedTemporaryFile("w", suffix=".txt") as listing:
                listing.write("".join(f"{windows(path)}\n" for path in left))
                listing.flush()
                words = [self.program, self.host, windows(Path(listing.name)), *map(windows, directories)]
                done = subprocess.run(words, env=self.environment(), capture_output=True, text=True, timeout=600)
            lines = [line.split(" ", 2) for line in done.stdout.splitlines() if line.startswith(("ok ", "error "))]
            for path, (word, code, _) in zip(left, lines):
                results[path] = f"{word} {code}"
            if len(lines) < len(left):
                results[left[len(lines)]] = "crash"
            left = left[len(lines) + 1 :]
        return results

    def environment(self) -> dict[str, str]:
        overrides = "mscoree,mshtml="
        return os.environ | {"WINEPREFIX": str(self.prefix), "WINEDEBUG": "-all", "WINEDLLOVERRIDES": overrides}


def windows(path: Path) -> str:
    return "Z:" + str(path).replace("/", "\\")


def find() -> Wine | str:
    """A wine that runs a program of ours, or why there is none."""
    candidates = ["wine64", "/usr/lib/wine/wine64", "wine"]
    program = next((found for found in map(shutil.which, candidates) if found), None)
    missing = [tool for tool in (GCC, OBJDUMP) if not shutil.which(tool)]
    if program is None or missing:
        return "install wine64, gcc-mingw-w64-x86-64 and binutils-mingw-w64-x86-64"
    directory = fetch.cache_directory() / "wine"
    directory.mkdir(parents=True, exist_ok=True)
    host = directory / "host.exe"
    subprocess.run([GCC, "-O1", "-Wall", "-Werror", SOURCES / "host.c", "-o", host], check=True)
    wine = Wine(program, directory / "prefix", host, find_linker())
    kernel = next(iter(wine.load([Path("/no such file")], []).values()), "nothing")
    return wine if kernel.startswith("error") else f"{program} does not run: {kernel}"


def find_linker() -> str | None:
    """LLD as Microsoft's linker, which comes with Rust; GNU ld makes no delay import directory."""
    if not shutil.which("rustc"):
        return None
    root = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True).stdout.strip()
    return next(map(str, Path(root).glob("lib/rustlib/*/bin/rust-lld")), None)


def build_chain(wine: Wine, directory: Path) -> None:
    """bottom.dll, late.dll, middle.dll and module.pyd, with symbols and DWARF as overlay."""
    compile_ = [GCC, "-g", "-O1", "-Wall"]
    for name in ("bottom", "late"):
        command = [*compile_, "-shared", SOURCES / f"{name}.c", "-o", f"{name}.dll", f"-Wl,--out-implib,{name}.lib"]
        subprocess.run(command, cwd=directory, check=True)
    command = [*compile_, "-shared", SOURCES / "middle.c", SOURCES / "middle.def", "bottom.lib", "-o", "middle.dll",
               "-Wl,--out-implib,middle.lib"]  # fmt: skip
    subprocess.run(command, cwd=directory, check=True)
    subprocess.run([*compile_, "-c", SOURCES / "module.c", "-o", "module.obj"], cwd=directory, check=True)
    library = subprocess.run([GCC, "-print-file-name=libkernel32.a"], capture_output=True, text=True, check=True)
    if wine.linker is None:
        libraries = ["middle.lib", "late.lib"]
        subprocess.run([GCC, "-shared", "module.obj", *libraries, "-o", "module.pyd"], cwd=directory, check=True)
        return
    # Short import libraries: LLD makes no delay imports of the long ones that GNU ld writes.
    (directory / "late.def").write_text("LIBRARY late.dll\nEXPORTS\n    late_value\n")
    link = [wine.linker, "-flavor", "link"]
    subprocess.run([*link, "-lib", "-machine:x64", "-def:late.def", "-out:late.lib"], cwd=directory, check=True)
    command = [*link, "-lldmingw", "-machine:x64", "-dll", "-noentry", "-debug:dwarf,symtab", "-delayload:late.dll",
               "-out:module.pyd", "module.obj", "middle.lib", "late.lib", library.stdout.strip()]  # fmt: skip
    subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL)


def debug_facts(path: Path) -> list[str]:
    """What a debugger finds: the COFF symbols, and the DWARF entries by their tags."""
    symbols = subprocess.run([OBJDUMP, "-t", path], capture_output=True, text=True, check=True).stdout
    dwarf = subprocess.run([OBJDUMP, "--dwarf=info", path], capture_output=True, text=True, check=True).stdout
    return [line for line in symbols.splitlines() if line.startswith("[")] + re.findall(r"\(DW_TAG_\w+\)", dwarf)


def without_padding(data: bytes) -> bytes:
    """The file with something else than zeros in all padding."""
    file, changed = reader.File(data), bytearray(data)
    for one in file.sections:
        if one.virtual_size and one.virtual_size < one.raw_size:
            start = one.pointer + one.virtual_size
            changed[start : one.raw_end] = b"\xcc" * (one.raw_end - start)
    return with_checksum(changed)


def without_header_room(data: bytes) -> bytes:
    """The file with something else than zeros behind the section table too."""
    changed = bytearray(without_padding(data))
    file = reader.File(data)
    end = file.table + 40 * file.count
    changed[end : file.header_size] = b"\xcc" * (file.header_size - end)
    return with_checksum(changed)


def signed(data: bytes) -> bytes:
    """The file with a certificate table, which vouches for nothing."""
    changed = bytearray(data + b"\0" * (-len(data) % 8))
    place = reader.File(data).directories_at + 8 * reader.SECURITY
    changed[place : place + 8] = len(changed).to_bytes(4, "little") + (16).to_bytes(4, "little")
    changed += bytes([16, 0, 0, 0, 0, 2, 2, 0, *range(8)])
    return with_checksum(changed)


def with_checksum(changed: bytearray) -> bytes:
    file = reader.File(bytes(changed))
    if file.checksum:
        changed[file.optional + 64 : file.optional + 68] = file.right_checksum().to_bytes(4, "little")
    return bytes(changed)


VARIANTS = {
    "as linked": lambda data: data,
    "signed": signed,
    "no padding": without_padding,
    "no header room": without_header_room,
}


def chain(wine: Wine, edit: Path) -> tuple[list[str], list[str]]:
    """The chain renamed in every way; returns a table and the problems."""
    lines = ["| chain of mingw-w64, with symbols | before | after | new sections | longer last sections |"]
    lines += ["|---|---|---|---|---|"]
    problems = []
    if wine.linker is None:
        print("skipped: delay imports under wine: no rust-lld")
    with tempfile.TemporaryDirectory(dir=fetch.cache_directory()) as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        build_chain(wine, made)
        names = {f"{name}.dll": f"{name}-0123456789abcdef0123456789abcdef.dll" for name in ("bottom", "late", "middle")}
        for what, change in VARIANTS.items():
            before, after = Path(scratch) / f"{what} before", Path(scratch) / f"{what} after"
            before.mkdir(), after.mkdir()
            added = grown = 0
            for name in (*names, "module.pyd"):
                (before / name).write_bytes(change((made / name).read_bytes()))
                target = after / names.get(name, name)
                rename(edit, before / name, target, names, problems)
                old, new = (reader.File(path.read_bytes()) for path in (before / name, target))
                added += len(new.sections) - len(old.sections)
                grown += new.sections[old.count - 1].raw_size != old.sections[-1].raw_size
                facts = debug_facts(before / name)
                if not facts or facts != debug_facts(target):
                    problems.append(f"chain, {what}: {name} lost symbols or debug information")
            results = [wine.load([place / "module.pyd"], [place]).popitem()[1] for place in (before, after)]
            lines.append(f"| {what} | {results[0]} | {results[1]} | {added} | {grown} |")
            if results != [f"ok {VALUE}"] * 2:
                problems.append(f"chain, {what}: {results}")
    return lines, problems


def rename(edit: Path, source: Path, target: Path, names: dict[str, str], problems: list[str]) -> None:
    """Renames those of `names` that a file names."""
    file = reader.File(source.read_bytes())
    named = {one.name.lower() for one in file.imports + file.delay_imports}
    named |= {target.rpartition(".")[0].lower() + ".dll" for *_, target in file.exports if isinstance(target, str)}
    words = [word for old, new in names.items() if old.lower() in named for word in ("--rename", old, new)]
    done = subprocess.run([edit, source, target, *words], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        problems.append(f"{source.name}: {done.stderr.strip()}")
        shutil.copy(source, target)


def load_renamed(wine: Wine, edit: Path, directory: Path, files: dict[str, Path]) -> tuple[int, list[str]]:
    """Loads the files of a wheel, then again with every library of the wheel renamed, files and imports; returns how
    many loaded both times, and the problems."""
    problems: list[str] = []
    libraries = sorted({Path(name).name for name in files if name.lower().endswith(".dll")}, key=str.lower)
    names = {old: f"{Path(old).stem}-{number:032x}.dll" for number, old in enumerate(libraries, 1)}
    trees = directory / "before", directory / "after"
    for name, path in files.items():
        before = trees[0] / name
        after = trees[1] / Path(name).with_name(names.get(Path(name).name, Path(name).name))
        for place in (before, after):
            place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, before)
        rename(edit, path, after, names, problems)
    stubs = python_stubs(directory, list(files.values()))
    loaded = []
    for tree in trees:
        paths = sorted(path for path in tree.rglob("*") if path.is_file())
        directories = sorted({path.parent for path in paths if path.suffix.lower() == ".dll"})
        loaded.append(wine.load(paths, [stubs, *directories]))
    back = {new: old for old, new in names.items()}
    after = {path.relative_to(trees[1]): result for path, result in loaded[1].items()}
    after = {path.with_name(back.get(path.name, path.name)): result for path, result in after.items()}
    count = 0
    for path, result in loaded[0].items():
        now = after.get(path.relative_to(trees[0]))
        count += result.startswith("ok") and result == now
        if result.startswith("ok") and result != now:
            problems.append(f"{path.relative_to(trees[0])}: wine says {now}, and said {result}")
    return count, problems


def python_stubs(directory: Path, files: list[Path]) -> Path:
    """A directory with the DLLs of Python that the files need: every name is there, and none does anything."""
    needed: dict[str, set] = {}
    for path in files:
        for one in reader.File(path.read_bytes()).imports:
            if re.fullmatch(r"python\d+t?\.dll", one.name.lower()):
                needed.setdefault(one.name.lower(), set()).update(one.symbols)
    place = directory / "stubs"
    place.mkdir(parents=True)
    source = place / "stub.c"
    source.write_text("int stub(void) { return 0; }\nint __stdcall entry(void *m, int r, void *p) { return 1; }\n")
    for name, symbols in needed.items():
        definition = place / f"{name}.def"
        lines = [f'"{symbol}" = stub' for symbol in sorted(map(str, symbols))]
        definition.write_text("\n".join([f"LIBRARY {name}", "EXPORTS", *lines, ""]))
        command = [GCC, "-shared", "-nostdlib", "-Wl,-e,entry", source, definition, "-o", place / name]
        subprocess.run(command, check=True)
    return place
