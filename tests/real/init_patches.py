"""Has truewheel put its code into every Python file of a standard library, and compares the syntax trees.

usage: init_patches.py --truewheel PATH [--python PATH]... [--most NUMBER]

Each file becomes the `__init__.py` of a package with a module that needs a DLL, all in one wheel for Windows, which is
repaired. With each Python the tree of every file must be what it was, but for the three statements that were put in;
its docstring must be the same, it must compile when it did, and `from __future__` must have the same effect.
Exit status 0: no failure; 1: at least one; 77: nothing could be run.
"""

import argparse
import sys
import tempfile
import tokenize
import zipfile
from pathlib import Path

import wheel_file
from processes import run, skip

TESTDATA = Path(__file__).resolve().parents[2] / "testdata" / "pe"

# For any Python from 2.7 on: two directories of files of the same names.
COMPARE = r"""
from __future__ import print_function
import ast, io, os, sys, warnings
warnings.simplefilter("ignore")

def flags(code):
    return code.co_flags & ~0x1FF if code else None

def compiled(source, name):
    try:
        return compile(source, name, "exec", 0, True)
    except Exception:
        return None

count = 0
for name in sorted(os.listdir(sys.argv[1])):
    old, new = [io.open(os.path.join(place, name), "rb").read() for place in sys.argv[1:3]]
    try:
        before = compile(old, name, "exec", ast.PyCF_ONLY_AST, True)
    except Exception:
        continue
    count += 1
    try:
        after = compile(new, name, "exec", ast.PyCF_ONLY_AST, True)
    except Exception as error:
        print("failure:", name, error)
        continue
    body = after.body
    at = [i for i, one in enumerate(body) if getattr(one, "name", None) == "_truewheel_patch"]
    if len(at) != 1:
        print("failure:", name, "has the code", len(at), "times")
        continue
    del body[at[0]:at[0] + 3]
    if ast.get_docstring(before, False) != ast.get_docstring(compile(new, name, "exec", ast.PyCF_ONLY_AST, True), False):
        print("failure:", name, "has another docstring")
    if ast.dump(before) != ast.dump(after):
        print("failure:", name, "has another tree")
    if flags(compiled(old, name)) != flags(compiled(new, name)):
        print("failure:", name, "is compiled in another way")
print("compared", count)
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, required=True, help="the program")
    parser.add_argument("--python", action="append", default=[], help="a Python, of any version from 2.7 on")
    parser.add_argument("--most", type=int, default=3000, help="so many files of each")
    return parser.parse_args()


def has_known_encoding(path: Path) -> bool:
    """Whether Python can read it at all: tests of Python itself have files whose encoding is none, which are refused."""
    try:
        with path.open("rb") as source:
            tokenize.detect_encoding(source.readline)
    except SyntaxError:
        return False
    return True


def one(truewheel: Path, python: str, most: int) -> list[str]:
    found = run([python, "-c", "import os; print(os.path.dirname(os.__file__))"]).require()
    library = Path(found.output.strip())
    sources = [path for path in sorted(library.rglob("*.py")) if "site-packages" not in path.parts]
    sources = [path for path in sources if b"extend_path" not in path.read_bytes() and has_known_encoding(path)]
    sources = sources[:most]
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        tree, before, after = (scratch / name for name in ("tree", "before", "after"))
        for place in (before, after, tree / "demo-1.0.dist-info"):
            place.mkdir(parents=True)
        info = tree / "demo-1.0.dist-info"
        info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
        tag = "cp312-cp312-win_amd64"
        info.joinpath("WHEEL").write_text(f"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: false\nTag: {tag}\n")
        module = (TESTDATA / "full.x64.dll").read_bytes()
        for number, source in enumerate(sources):
            package = tree / f"p{number:05}"
            package.mkdir()
            package.joinpath("__init__.py").write_bytes(source.read_bytes())
            package.joinpath("_ext.pyd").write_bytes(module)
            before.joinpath(f"{number:05}.py").write_bytes(source.read_bytes())
        libraries = scratch / "libraries"
        libraries.mkdir()
        libraries.joinpath("needed.dll").write_bytes((TESTDATA / "needed.x64.dll").read_bytes())
        wheel = scratch / f"demo-1.0-{tag}.whl"
        wheel_file.pack(tree, wheel)
        done = run([truewheel, "repair", "-w", scratch / "out", "--layout", "libs", "--lib-path", libraries, wheel])
        if done.status != 0:
            return [done.output.strip()]
        with zipfile.ZipFile(scratch / "out" / wheel.name) as archive:
            for number in range(len(sources)):
                after.joinpath(f"{number:05}.py").write_bytes(archive.read(f"p{number:05}/__init__.py"))
        lines = run([python, "-c", COMPARE, before, after]).require().output.splitlines()
        print(f"{python}: {lines[-1]} of {len(sources)} files")
        failures = [line for line in lines if line.startswith("failure:")]
        return [f"{line} ({sources[int(line.split()[1][:5])]})" for line in failures]


def main() -> int:
    typed = arguments()
    if not (TESTDATA / "full.x64.dll").is_file():
        return skip("testdata/pe is not there")
    failures = []
    for python in typed.python or [sys.executable]:
        failures += one(typed.truewheel.resolve(), python, typed.most)
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
