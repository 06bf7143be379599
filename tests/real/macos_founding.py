"""numpy's founding case on macOS, made on Linux: a module that needs OpenBLAS of PyPI's `scipy_openblas64` wheels.

usage: macos_founding.py --truewheel PATH --edit PATH

PATH of --edit is the example program `macho`. zig compiles the module for both kinds of Mac and links it against the
library, whose install name `@rpath/libscipy_openblas64_.dylib` leads nowhere by itself. Where no variable names its
directory, as when /bin/sh has taken DYLD_LIBRARY_PATH away, the repair must say so; named by a variable that stays,
it is found. Then both are made one wheel: by `merge` after the repair, and by fusing before it.
Exit status 0: no problem; 1: at least one; 77: nothing could be run.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import fetch
import macho_reader as reader
import wheel_file
from macos_repair import Report, Result, Undone, check_result, contents
from processes import PYTHON_REASON, make_environment, python_is_right, run, skip

SOURCE = """
extern void scipy_cblas_dgemm64_(void);
extern void *PyModule_Create2(void *, int);
void *PyInit__blas(void) { return PyModule_Create2((void *)scipy_cblas_dgemm64_, 1013); }
"""
TARGETS = {"x86_64": ("x86_64-macos.10.13", "10_13"), "arm64": ("aarch64-macos.11.0", "11_0")}
MODULE = "demo/_blas.cpython-311-darwin.so"
LIBRARY = "libscipy_openblas64_.dylib"
SIP = "DYLD_LIBRARY_PATH is empty here; macOS removes it when /bin/sh starts"


def make_wheel(directory: Path, module: Path, platform: str) -> Path:
    """A wheel `demo` with this module."""
    tree = Path(tempfile.mkdtemp(dir=directory))
    files = {
        "demo/__init__.py": "",
        "demo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        "demo-1.0.dist-info/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: cp311-cp311-{platform}\n",
    }
    for name, text in files.items():
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text(text)
    (tree / MODULE).write_bytes(module.read_bytes())
    wheel = directory / f"demo-1.0-cp311-cp311-{platform}.whl"
    wheel_file.pack(tree, wheel)
    return wheel


def repaired(truewheel: Path, wheel: Path, libraries: Path, output: Path, problems: list[str]) -> Path:
    """Repairs `wheel` with the library's directory in REPAIR_LIBRARY_PATH, and without."""
    alone = run([truewheel, "repair", "-w", output, wheel], MACOSX_DEPLOYMENT_TARGET=None)
    if alone.status != 1 or SIP not in " ".join(alone.output.split()) or output.exists():
        problems.append(f"{wheel.name}: without a directory: status {alone.status}: {alone.output}")
    command = [truewheel, "repair", "-w", output, wheel]
    run(command, MACOSX_DEPLOYMENT_TARGET=None, REPAIR_LIBRARY_PATH=libraries).require()
    return next(output.glob("*.whl"))


def check(truewheel: Path, wheel: Path, cpus: set[str], tags: set[str], problems: list[str]) -> None:
    process = run([truewheel, "check", wheel])
    if process.status != 0:
        problems.append(process.output)
    report = Report()
    result = Result(wheel, contents(wheel), process)
    check_result(result, Undone(wheel, wheel, [], 0), report)
    problems += [f"{wheel.name}: {problem}" for problem in report.problems]
    if {path.rpartition("/")[2] for path in result.binaries} != {MODULE.rpartition("/")[2], LIBRARY}:
        problems.append(f"{wheel.name}: has {sorted(result.binaries)}")
    for path, slices in result.binaries.items():
        if {one.cpu for one in slices} != cpus:
            problems.append(f"{wheel.name}: {path} is for {[one.cpu for one in slices]}")
    if wheel_file.platforms(wheel.name) != tags:
        problems.append(f"{wheel.name}: the tags should be {sorted(tags)}")
    print(f"{wheel.name}: {', '.join(f'{path} ({len(data)} bytes)' for path, data in result.files.items() if reader.slices(data))}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, required=True)
    parser.add_argument("--edit", type=Path, required=True, help="the example program `macho`")
    options = parser.parse_args()
    if not python_is_right():
        return skip(PYTHON_REASON)
    present, missing = fetch.fetch("macos")
    zig = next((pin.path for pin in present if pin.name.startswith("ziglang-")), None)
    openblas = {cpu: pin.path for pin in present for cpu in TARGETS if pin.name.startswith("scipy_openblas64") and cpu in pin.name}
    if zig is None or len(openblas) < len(TARGETS):
        return skip(f"cannot be had: {'; '.join(missing.values()) or 'zig or scipy_openblas64'}")
    truewheel, edit, problems = options.truewheel.absolute(), options.edit.absolute(), []
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        python = make_environment(scratch / "zig", [zig])
        (scratch / "blas.c").write_text(SOURCE)
        modules, libraries, wheels = {}, {}, []
        for cpu, (target, minimum) in TARGETS.items():
            wheel_file.unpack(openblas[cpu], scratch / cpu)
            libraries[cpu] = scratch / cpu / "scipy_openblas64/lib"
            modules[cpu] = scratch / f"{cpu}.so"
            command = [python, "-m", "ziglang", "cc", "-target", target, "-O1", "-g0", "-shared", "-undefined",
                       "dynamic_lookup", "-Wl,-headerpad_max_install_names", "-o", modules[cpu], scratch / "blas.c",
                       f"-L{libraries[cpu]}", "-lscipy_openblas64_"]  # fmt: skip
            run(command, ZIG_GLOBAL_CACHE_DIR=scratch / "cache").require()
            built = make_wheel(scratch, modules[cpu], f"macosx_{minimum}_{cpu}")
            wheel = repaired(truewheel, built, libraries[cpu], scratch / f"{cpu}-out", problems)
            check(truewheel, wheel, {cpu}, {f"macosx_{minimum}_{cpu}"}, problems)
            wheels.append(wheel)
        run([truewheel, "merge", "-w", scratch / "merged", *wheels]).require()
        universal = {"macosx_10_13_universal2"}
        check(truewheel, next((scratch / "merged").glob("*.whl")), set(TARGETS), universal, problems)
        (scratch / "universal").mkdir()
        for first, second, path in (
            (modules["x86_64"], modules["arm64"], scratch / "universal.so"),
            (libraries["x86_64"] / LIBRARY, libraries["arm64"] / LIBRARY, scratch / "universal" / LIBRARY),
        ):
            subprocess.run([edit, first, path, "--merge", second], check=True, capture_output=True)
        built = make_wheel(scratch, scratch / "universal.so", "macosx_10_13_universal2")
        wheel = repaired(truewheel, built, scratch / "universal", scratch / "universal-out", problems)
        check(truewheel, wheel, set(TARGETS), universal, problems)
    for problem in problems:
        print(f"problem: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
