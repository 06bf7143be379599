"""Takes the vendored libraries out of a repaired macOS wheel again, as its build had them.

The libraries of `.dylibs` go to a directory of "the build machine", with the IDs that they may have had there, and
every file that names one behind `@loader_path` gets that name: `/usr/local/lib/NAME`, where nothing lies on the
machine that repairs, or `@rpath/NAME`, to which no rpath leads. Only a directory named by the caller finds either.
The editor of `crates/macho` writes the names, and the reader of this directory holds it to them.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import macho_reader as reader
import wheel_file

SYSTEM = ("/usr/lib/", "/System/")


@dataclass
class Undone:
    """A wheel without its libraries, the directory that has them, and what was done."""

    wheel: Path
    libraries: Path
    taken: list[str]
    renamed: int


def edit(program: Path, path: Path, words: list[str]) -> None:
    """Edits one file in place."""
    done = subprocess.run([program, path, path, *words], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise SystemExit(f"{path}: {done.stderr.strip()}")


def undo(wheel: Path, program: Path, directory: Path, prefix: str) -> Undone:
    """Makes `wheel` one that needs a repair; `prefix` is what stands before the names."""
    tree, libraries = directory / "tree", directory / "libraries"
    wheel_file.unpack(wheel, tree)
    libraries.mkdir()
    vendored = {path.name: path for path in tree.rglob("*") if ".dylibs" in path.parts and path.is_file()}
    renamed = 0
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        words = []
        for index, found in enumerate(reader.slices(path.read_bytes())):
            for name in dict.fromkeys(name for _, name, _ in found.loads):
                leaf = name.rpartition("/")[2]
                if name.startswith("@loader_path/") and leaf in vendored:
                    words += ["--load", str(index), name, f"{prefix}/{leaf}"]
                    renamed += 1
            if vendored.get(path.name) == path and found.identity and not index:
                words += ["--id", f"{prefix}/{path.name}"]
        if words:
            edit(program, path, [*words, "--name", path.name])
    for name, path in vendored.items():
        path.rename(libraries / name)
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    undone = directory / wheel.name
    wheel_file.pack(tree, undone)
    return Undone(undone, libraries, sorted(vendored), renamed)


def unresolved(files: dict[str, bytes]) -> list[str]:
    """What dyld would not find with these files of site-packages, Python and macOS alone (dyld(1)).

    Each file is opened by itself, then what it names, along its own rpaths and those of the files that led to it.
    """
    slices = {path: reader.slices(data) for path, data in files.items()}
    slices = {path: found for path, found in slices.items() if found}
    problems = set()
    for root, found in slices.items():
        for cpu in {one.cpu for one in found}:
            follow(slices, cpu, root, (), set(), problems)
    return sorted(problems)


def follow(slices: dict, cpu: str, path: str, chain: tuple[str, ...], seen: set[str], problems: set[str]) -> None:
    if path in seen:
        return
    seen.add(path)
    one = next((one for one in slices[path] if one.cpu == cpu), None)
    if one is None:
        problems.add(f"{path} has no code for {cpu}")
        return
    here = path.rpartition("/")[0]
    chain = (*(place(here, rpath) for rpath in one.rpaths), *chain)
    for number, name, _ in one.loads:
        if name.startswith(SYSTEM):
            continue
        if name.startswith("@rpath/"):
            candidates = [normal(f"{rpath}/{name[7:]}") for rpath in chain]
        else:
            candidates = [place(here, name)]
        if any(candidate.startswith(SYSTEM) for candidate in candidates):
            continue
        target = next((candidate for candidate in candidates if candidate in slices), None)
        if target is not None:
            follow(slices, cpu, target, chain, seen, problems)
        elif number != 0x80000018:
            problems.add(f"{path} ({cpu}): {name} leads nowhere")


def place(here: str, text: str) -> str:
    """A name or rpath as a place; those below site-packages are relative."""
    if text == "@loader_path" or text.startswith("@loader_path/"):
        return normal(f"{here}/{text[13:]}")
    return text


def normal(path: str) -> str:
    if path.startswith("/") or path.startswith("@"):
        return path
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part == "..":
            return f"/outside/{path}"
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
