"""The founding case: numpy built against scipy-openblas64, repaired, installed, and tested by numpy's own tests.

usage: founding_case.py --truewheel PATH [--variant NAME]... [--quick | --full] [--no-tests] [--no-oracle]

For each variant of `founding_build.py` this runs `truewheel repair`, looks at the wheel with readers of its own,
installs it into a new environment while every directory that had the build's libraries is renamed, and runs numpy's
tests there. The numbers that pytest printed are repeated at the end. Exit status 0: all is right; 1: something is
not; 77: nothing could be run.
"""

import argparse
import hashlib
import re
import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath

import fetch
import founding_build
import wheel_file
from elf_reader import ElfFile, is_libc_family
from processes import PYTHON_REASON, make_environment, python_is_right, run, skip

VARIANTS = ("rpath", "lib-path", "links", "alone")

# What every manylinux policy provides beside the C library, and numpy or the Fortran runtime may need.
PROVIDED = ("libstdc++.so.6", "libgcc_s.so.1", "libz.so.1")

# Printed by the new environment's Python: which BLAS the process has really loaded.
LOADED = """
import numpy, numpy.linalg, numpy.random
numpy.show_config()
numpy.linalg.svd(numpy.random.rand(300, 300))
paths = {line.split(maxsplit=5)[5].strip() for line in open("/proc/self/maps") if ".so" in line}
for path in sorted(paths):
    if "openblas" in path or "gfortran" in path or "quadmath" in path:
        print("loaded:", path)
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, help="the program; without it only the wheels are built")
    parser.add_argument("--variant", action="append", choices=VARIANTS, help="only these variants")
    parser.add_argument("--quick", action="store_true", help="numpy.linalg's tests only")
    parser.add_argument("--full", action="store_true", help="all of numpy's tests, also the slow ones")
    parser.add_argument("--no-tests", action="store_true", help="install and import, but run no tests")
    parser.add_argument("--no-oracle", action="store_true", help="do not compare with auditwheel's result")
    return parser.parse_args()


def repair(truewheel: Path, variant: founding_build.Variant, output: Path) -> tuple[Path | None, list[str]]:
    """Runs truewheel; returns the wheel it wrote and what is wrong with the run itself."""
    shutil.rmtree(output, ignore_errors=True)
    before = fetch.sha256(variant.wheel)
    command = [truewheel, "repair", "-w", output]
    if variant.needs_lib_path:
        command += ["--lib-path", variant.library_directory]
    done = run([*command, variant.wheel])
    print(done.output.rstrip())
    print(f"{variant.name}: status {done.status}, {done.seconds:.2f} s, peak {done.peak / 2**20:.0f} MiB")
    if done.status != 0:
        return None, [f"status {done.status}: {' '.join(done.command)}"]
    found = [] if fetch.sha256(variant.wheel) == before else ["the input wheel was changed"]
    written = sorted(output.iterdir())
    if len(written) != 1 or written[0].suffix != ".whl":
        return None, found + [f"the output directory has {[p.name for p in written]}, not one wheel"]
    return written[0], found


def again_problems(truewheel: Path, wheel: Path, output: Path) -> list[str]:
    """A repaired wheel is right: repairing it must give the same bytes under the same name."""
    shutil.rmtree(output, ignore_errors=True)
    done = run([truewheel, "repair", "-w", output, wheel])
    again = output / wheel.name
    if done.status != 0 or not again.exists():
        return [f"repaired again: status {done.status}: {done.output.strip()}"]
    return [] if fetch.sha256(again) == fetch.sha256(wheel) else ["repaired again, the wheel has other bytes"]


def library_problems(wheel: Path) -> list[str]:
    """What is wrong with the binaries of a repaired wheel: names, search paths, what was vendored."""
    with zipfile.ZipFile(wheel) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    binaries = {name: ElfFile(data) for name, data in contents.items() if data[:4] == b"\x7fELF"}
    vendored = {PurePosixPath(name).name: name for name in binaries if name.startswith("numpy.libs/")}
    found = []
    for stem in ("libscipy_openblas64_", "libgfortran", "libquadmath"):
        if len([name for name in vendored if name.startswith(stem)]) != 1 or len(vendored) != 3:
            found.append(f"numpy.libs has {sorted(vendored)}, not one library each of BLAS, gfortran, quadmath")
    strangers = [name for name in contents if name.startswith("numpy.libs/") and name not in binaries]
    found += [f"{name} is not a library" for name in strangers if not name.endswith("/")]
    for name, path in vendored.items():
        if binaries[path].soname != name:
            found.append(f"{path} has SONAME {binaries[path].soname}")
    used = set()
    for path, elf in binaries.items():
        reach = search_directories(path, elf)
        if any(entry.startswith("/") for entry in reach):
            found.append(f"{path} searches {reach}")
        if set(elf.version_files()) - set(elf.needed):
            found.append(f"{path} wants versions of {elf.version_files()}, it needs {elf.needed}")
        for name in elf.needed:
            if name in vendored:
                used.add(name)
                if "numpy.libs" not in reach:
                    found.append(f"{path} needs {name} and searches {reach}")
            elif not is_libc_family(name) and name not in PROVIDED:
                found.append(f"{path} needs {name}, which is not in the wheel")
    found += [f"nothing needs {name}" for name in sorted(set(vendored) - used)]
    return found


def search_directories(path: str, elf: ElfFile) -> list[str]:
    """The directories in RPATH and RUNPATH, as paths inside the wheel; others as they are."""
    entries = [entry for value in (elf.rpath, elf.runpath) if value for entry in value.split(":")]
    directories = []
    for entry in entries:
        parts = entry.replace("$ORIGIN", str(PurePosixPath(path).parent)).split("/")
        kept: list[str] = []
        for part in parts:
            if part == ".." and kept:
                kept.pop()
            elif part not in ("", "."):
                kept.append(part)
        directories.append("/" * entry.startswith("/") + "/".join(kept))
    return directories


def oracle_problems(variant: founding_build.Variant, wheel: Path, output: Path) -> list[str]:
    """Where auditwheel, given the same wheel, comes to other tags or other libraries."""
    shutil.rmtree(output, ignore_errors=True)
    tools = founding_build.patchelf().parent
    path = {"PATH": f"{tools}:/usr/bin:/bin", "LD_LIBRARY_PATH": str(variant.library_directory)}
    done = run([tools / "auditwheel", "repair", "-w", output, variant.wheel], **path)
    if done.status != 0:
        print(f"{variant.name}: auditwheel cannot repair this wheel: {done.output.strip().splitlines()[-1]}")
        return []
    peer = next(output.glob("*.whl"))
    found = []
    if wheel_file.platforms(peer.name) != wheel_file.platforms(wheel.name):
        found.append(f"tags: {wheel.name}; auditwheel's: {peer.name}")
    ours, theirs = vendored_bases(wheel), vendored_bases(peer)
    if ours != theirs:
        found.append(f"vendored: {ours}; auditwheel: {theirs}")
    sizes = wheel.stat().st_size, peer.stat().st_size
    print(f"{variant.name}: {sizes[0]} bytes, auditwheel's {sizes[1]}; same tags and libraries: {not found}")
    return found


def vendored_bases(wheel: Path) -> list[str]:
    """The vendored libraries' names without what makes them unique (eight hex digits, once or twice)."""
    with zipfile.ZipFile(wheel) as archive:
        names = [n.split("/")[1] for n in archive.namelist() if n.startswith("numpy.libs/") and n[-1] != "/"]
    return sorted(re.sub(r"(-[0-9a-f]{8})+(?=\.)", "", name) for name in names)


def test(variant: founding_build.Variant, wheel: Path, options: argparse.Namespace) -> tuple[str, list[str]]:
    """Installs the wheel where the build's libraries cannot be reached; returns pytest's count and the problems."""
    directory = founding_build.founding_directory() / f"test-venv-{variant.name}"
    python = make_environment(directory, [wheel, *(pin.path for pin in fetch.pins("test"))])
    hidden = [founding_build.openblas_directory(), founding_build.founding_directory() / "variants"]
    try:
        for path in hidden:
            founding_build.hide(path)
        if founding_build.openblas_directory().exists():
            return "", ["the build's library directory is still there"]
        loaded = run([python, "-c", LOADED], cwd=directory)
        print(loaded.output.rstrip())
        if loaded.status != 0:
            return "", [f"import numpy ended with status {loaded.status}"]
        paths = set(re.findall(r"^loaded: (.*)$", loaded.output, re.M))
        inside = [path for path in paths if path.startswith(f"{directory}/lib/") and "/numpy.libs/" in path]
        if len(paths) != 3 or len(inside) != 3:
            return "", [f"numpy loaded {sorted(paths)}, not three libraries of its own numpy.libs"]
        if options.no_tests:
            return "not run", []
        return run_numpy_tests(python, directory, options)
    finally:
        for path in hidden:
            founding_build.unhide(path)


def run_numpy_tests(python: Path, directory: Path, options: argparse.Namespace) -> tuple[str, list[str]]:
    """Runs numpy's tests by numpy's own `numpy.test`."""
    packages = ["numpy.linalg"] if options.quick else ["numpy.linalg", "numpy._core"]
    tests = None if options.full else packages
    label = "full" if options.full else "fast"
    program = f"import numpy, sys; sys.exit(not numpy.test({label!r}, tests={tests!r}, extra_argv=['-x']))"
    path = f"{python.parent}:/usr/bin:/bin"
    done = run(["nice", "-n", "5", python, "-c", program], cwd=directory, PATH=path)
    lines = [line for line in done.output.splitlines() if re.search(r"\d+ (passed|failed|error)", line)]
    count = lines[-1].strip("= ") if lines else "no count"
    if done.status != 0:
        print(done.output[-6000:])
        return count, [f"numpy's tests ended with status {done.status}: {count}"]
    if not re.search(r"[1-9]\d* passed", count):
        return count, [f"numpy's tests ran nothing: {count}"]
    return count, []


def check_variant(variant: founding_build.Variant, options: argparse.Namespace) -> tuple[str, list[str]]:
    """Everything about one variant; returns a line for the table and the problems."""
    output = founding_build.founding_directory() / "repaired" / variant.name
    original = founding_build.openblas_directory()
    try:
        if variant.needs_lib_path:
            founding_build.hide(original)
        wheel, found = repair(options.truewheel.absolute(), variant, output)
    finally:
        founding_build.unhide(original)
    if wheel is None:
        return "no wheel", found
    tags = wheel_file.platforms(wheel.name)
    if not all(re.fullmatch(r"manylinux(_\d+_\d+|1|2010|2014)_x86_64", tag) for tag in tags):
        found.append(f"platform tags {sorted(tags)}")
    found += wheel_file.problems(wheel) + wheel_file.copy_problems(variant.wheel, wheel) + library_problems(wheel)
    found += again_problems(options.truewheel.absolute(), wheel, output.with_name(f"{variant.name}-again"))
    if not options.no_oracle:
        found += oracle_problems(variant, wheel, output.with_name(f"{variant.name}-auditwheel"))
    count, test_problems = test(variant, wheel, options)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"{wheel.name}, sha256 {digest[:16]}, tests: {count}", found + test_problems


def main() -> int:
    options = arguments()
    if not python_is_right():
        return skip(PYTHON_REASON)
    _, missing = fetch.fetch("source", "build", "test", "peer")
    if missing and founding_build.built_wheel() is None:
        return skip("; ".join(f"{name}: {reason}" for name, reason in missing.items()))
    wheel = founding_build.build()
    print(f"built: {wheel}\nlibraries: {founding_build.openblas_directory() / 'scipy_openblas64' / 'lib'}")
    if options.truewheel is None:
        return skip("no --truewheel: only the wheel was built")
    results = {}
    for variant in founding_build.make_variants(wheel, options.variant or list(VARIANTS)):
        print(f"\n## {variant.name}")
        results[variant.name] = check_variant(variant, options)
    print("\n## result")
    for name, (line, found) in results.items():
        print(f"{name}: {'FAILED' if found else 'ok'}: {line}")
        for problem in found:
            print(f"  {problem}")
    return 1 if any(found for _, found in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
