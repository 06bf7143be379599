"""A module built against pyarrow's libarrow, which stays with pyarrow: `truewheel repair --provided-by pyarrow`.

usage: provided_by.py --truewheel PATH

pyarrow's wheel from PyPI is installed into an environment, a small C++ module is linked against its libarrow, and the
wheel is repaired: refused while METADATA does not require pyarrow, written without a library of its own when it does.
A new environment gets pyarrow and the repaired wheel; the module is imported first, and libarrow must come from there.
Exit status 0: no problem; 1: at least one; 77: nothing could be run.
"""

import argparse
import shutil
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

import fetch
import wheel_file
from processes import PYTHON_REASON, make_environment, python_is_right, run, skip

PYARROW = "pyarrow-22.0.0-cp311-cp311-manylinux_2_28_x86_64.whl"
SOURCE = """
#include <Python.h>
#include <arrow/config.h>
static PyObject *version(PyObject *, PyObject *) {
    return PyUnicode_FromString(arrow::GetBuildInfo().version_string.c_str());
}
static PyMethodDef methods[] = {{"version", version, METH_NOARGS, ""}, {}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_ext", "", -1, methods};
PyMODINIT_FUNC PyInit__ext() { return PyModule_Create(&definition); }
"""
LOADED = """
import arrowuser._ext
print(arrowuser._ext.version())
for line in open("/proc/self/maps"):
    if "libarrow.so" in line:
        print(line.split(maxsplit=5)[5].strip())
"""


def build(pyarrow: Path, scratch: Path, requires: str) -> Path:
    """The wheel as `pip wheel` would make it; METADATA has the lines of `requires`."""
    tree = scratch / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "arrowuser").mkdir(parents=True)
    (tree / "arrowuser" / "__init__.py").write_text("")
    (scratch / "ext.cc").write_text(SOURCE)
    library = next(pyarrow.glob("libarrow.so.*"))
    includes = ["-I", sysconfig.get_path("include"), "-I", pyarrow / "include"]
    output = tree / "arrowuser" / "_ext.cpython-311-x86_64-linux-gnu.so"
    run(["g++", "-std=c++17", "-shared", "-fPIC", *includes, scratch / "ext.cc", "-o", output, library]).require()
    info = tree / "arrowuser-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: arrowuser\nVersion: 1.0\n{requires}")
    tag = "cp311-cp311-linux_x86_64"
    (info / "WHEEL").write_text(f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: {tag}\n")
    wheel = scratch / f"arrowuser-1.0-{tag}.whl"
    wheel_file.pack(tree, wheel)
    return wheel


def check(truewheel: Path, scratch: Path) -> list[str]:
    """What is wrong with the two repairs and the installed result."""
    pin = next(pin for pin in fetch.pins() if pin.name == PYARROW)
    python = make_environment(scratch / "build", [pin.path])
    site = next((scratch / "build").glob("lib/python*/site-packages"))
    output = scratch / "out"
    words = [truewheel, "repair", "--python", python, "--provided-by", "pyarrow", "-w", output]
    refused = run([*words, build(site / "pyarrow", scratch, "")])
    if refused.status != 1 or "Requires-Dist: pyarrow==22.0.0" not in refused.output:
        return [f"a wheel that does not require pyarrow: status {refused.status}: {refused.output}"]
    run([*words, build(site / "pyarrow", scratch, "Requires-Dist: pyarrow>=22,<23\n")]).require()
    wheel = next(output.glob("*.whl"))
    problems = wheel_file.problems(wheel)
    with zipfile.ZipFile(wheel) as archive:
        problems += [f"it brings {name}" for name in archive.namelist() if "libarrow" in name]
    checked = run([truewheel, "check", "--strict", wheel])
    if checked.status != 0:
        problems.append(f"`check`: {checked.output}")
    shutil.rmtree(scratch / "build")
    python = make_environment(scratch / "new", [pin.path, wheel])
    loaded = run([python, "-c", LOADED], cwd=scratch).require().output.splitlines()
    print("\n".join(sorted(set(loaded))))
    inside = [line for line in loaded[1:] if line.startswith(str(scratch.resolve() / "new"))]
    if loaded[0] != "22.0.0" or not inside or len(inside) != len(loaded) - 1:
        problems.append(f"loaded: {loaded}")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, required=True)
    options = parser.parse_args()
    if not python_is_right():
        return skip(PYTHON_REASON)
    if shutil.which("g++") is None:
        return skip("there is no g++")
    pin = next(pin for pin in fetch.pins() if pin.name == PYARROW)
    reason = fetch.fetch_one(pin)
    if reason is not None:
        return skip(reason)
    with tempfile.TemporaryDirectory(dir=fetch.cache_directory(), prefix="provided-by-") as name:
        problems = check(options.truewheel.absolute(), Path(name))
    for problem in problems:
        print(f"problem: {problem}")
    print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
