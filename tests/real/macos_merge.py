"""Merges the pinned wheels for both kinds of Mac, and holds each result against its two inputs.

usage: macos_merge.py --truewheel PATH [--only TEXT]...

Every slice and static archive of the result must be that of an input, byte for byte; every other member must be that
of an input too; names must lead somewhere for both CPUs; llvm-lipo must read the CPUs. What differs and is no binary
is taken from the second wheel, and listed. Prints a Markdown table.
Exit status 0: no problem; 1: at least one; 77: nothing could be run.
"""

import argparse
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import fetch
import wheel_file
from macos_repair import contents, table
from macos_undo import unresolved
from processes import run, skip

FAT = b"\xca\xfe\xba\xbe"
ARCHIVE = b"!<arch>\n"
X86_64, ARM64 = 0x01000007, 0x0100000C


def parts(data: bytes) -> dict[int, bytes]:
    """The code in a file by CPU type; that of an archive, which does not say it, by 0."""
    if data.startswith(ARCHIVE):
        return {0: data}
    if not data.startswith(FAT):
        return {struct.unpack_from("<I", data, 4)[0]: data}
    found = {}
    for record in range(8, 8 + 20 * struct.unpack_from(">I", data, 4)[0], 20):
        cpu, _, offset, size, align = struct.unpack_from(">IIIII", data, record)
        assert offset % (1 << align) == 0, "a slice is not aligned"
        found[cpu] = data[offset : offset + size]
    return found


def problems_of(merged: Path, inputs: list[Path], taken: list[str]) -> tuple[list[str], int]:
    """What is wrong with a merged wheel, and how many of its files hold code of both inputs."""
    found, fused = wheel_file.problems(merged), 0
    result, (first, second) = contents(merged), [contents(path) for path in inputs]
    for path in sorted(set(first) | set(second) | set(result)):
        one, two, data = first.get(path), second.get(path), result.get(path)
        if path.endswith((".dist-info/RECORD", ".dist-info/WHEEL")):
            continue
        if data in (one, two) and (one is None or two is None or one == two or path in taken):
            continue
        if data is None or one is None or two is None or not data.startswith(FAT):
            found.append(f"{path} is not what the inputs have")
            continue
        code, ours, theirs = parts(data), parts(one), parts(two)
        fused += 1
        if code != {X86_64: ours.get(X86_64, ours.get(0)), ARM64: theirs.get(ARM64, theirs.get(0))}:
            found.append(f"{path} has other code than the inputs")
        if (lipo := shutil.which("llvm-lipo") or shutil.which("llvm-lipo-14")) and 0 not in ours:
            with tempfile.NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                done = subprocess.run([lipo, "-archs", file.name], text=True, capture_output=True)
            if sorted(done.stdout.split()) != ["arm64", "x86_64"]:
                found.append(f"{path}: llvm-lipo: {done.stdout}{done.stderr}")
    return found + unresolved(result), fused


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, required=True)
    parser.add_argument("--only", action="append", default=[], help="only wheels whose name has this in it")
    options = parser.parse_args()
    present, _ = fetch.fetch("macos")
    by_project: dict[str, dict[str, Path]] = {}
    for pin in present:
        if "macosx" in pin.name and "openblas" not in pin.name and "universal2" not in pin.name:
            cpu = "arm64" if pin.name.endswith("arm64.whl") else "x86_64"
            by_project.setdefault(pin.name.split("-")[0], {})[cpu] = pin.path
    pairs = [[pair["x86_64"], pair["arm64"]] for pair in by_project.values() if len(pair) == 2]
    pairs = [pair for pair in pairs if not options.only or any(text in pair[0].name for text in options.only)]
    if not pairs:
        return skip("no two wheels to merge")
    rows, problems = [["result", "fused", "taken from one", "time"]], []
    for pair in pairs:
        with tempfile.TemporaryDirectory() as output:
            command = [options.truewheel.absolute(), "merge", "-w", output, *pair]
            refused = run(command)
            named = (line.split(":")[1].strip() for line in refused.output.splitlines() if "because: " in line)
            taken = sorted(named) if refused.status else []
            done = run([*command, *(word for path in taken for word in ("--take-second", path))]).require()
            merged = next(Path(output).glob("*.whl"))
            found, fused = problems_of(merged, pair, taken)
            problems += [f"{merged.name}: {problem}" for problem in found]
            rows.append([merged.name, fused, ", ".join(taken) or "–", f"{done.seconds:.2f} s"])
    print(table(rows))
    for problem in problems:
        print(f"problem: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
