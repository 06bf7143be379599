"""Repairs wheels from PyPI that were repaired before: nothing may get worse, and nothing of this machine may get in.

usage: corpus.py --truewheel PATH [--only TEXT]...

For each pinned wheel: status 0 and one wheel; RECORD, tags and archive right; no library in it that was not there; no
musllinux tag older than the oldest it had (musl's symbols have no versions, so no reader of binaries can earn it); the
members that the loader saw before still there; repaired again, the same bytes; "nothing to change" only with the bytes
of the input. x86_64 glibc files must load as before, each in a process of its own. Prints a Markdown table.
Exit status 0: no problem; 1: at least one; 77: nothing could be run.
"""

import argparse
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import fetch
import wheel_file
from editor_loads import native_faults
from processes import PYTHON_REASON, python_is_right, run, skip


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, required=True, help="the program")
    parser.add_argument("--only", action="append", default=[], help="only wheels whose name has this in it")
    return parser.parse_args()


def binaries(wheel: Path) -> set[str]:
    """The paths of all ELF members."""
    found = set()
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                if stream.read(4) == b"\x7fELF":
                    found.add(member.filename)
    return found


def musl_versions(wheel: Path) -> list[tuple[int, int]]:
    """The musl versions in the platform tags."""
    found = re.findall(r"musllinux_(\d+)_(\d+)", wheel.name)
    return sorted((int(major), int(minor)) for major, minor in found)


def member_problems(before: Path, after: Path) -> list[str]:
    """Binaries that came or went, and tags that nothing earned."""
    found = [f"{name} came in" for name in sorted(binaries(after) - binaries(before))]
    old, new = musl_versions(before), musl_versions(after)
    if new[:1] < old[:1] or (old and not new):
        found.append(f"musl versions {old} became {new}")
    return found


def load_problems(before: Path, after: Path, scratch: Path) -> tuple[str, list[str]]:
    """How many binaries load before and after, and which no longer do."""
    for name, wheel in (("old", before), ("new", after)):
        wheel_file.unpack(wheel, scratch / name)
    old = native_faults(scratch, "old", sorted(binaries(before)))
    new = native_faults(scratch, "new", sorted(binaries(after)))
    lost = [f"{name}: {'; '.join(new[name])}" for name in new if new[name] and not old.get(name, {"absent"})]
    return f"{sum(not said for said in old.values())} / {sum(not said for said in new.values())}", lost


def check_wheel(truewheel: Path, wheel: Path, scratch: Path) -> tuple[list, list[str]]:
    """Everything about one wheel; returns the cells of its row and the problems."""
    done = run([truewheel, "repair", "-w", scratch / "once", wheel])
    seconds = f"{done.seconds:.2f}"
    if done.status != 0:
        words = next((line for line in done.output.splitlines() if line.startswith("error")), done.output)
        left = list((scratch / "once").glob("*")) if (scratch / "once").exists() else []
        return [seconds, "–", "–"], [words] + [f"{path.name} was left behind" for path in left]
    written = list((scratch / "once").iterdir())
    if len(written) != 1:
        return [seconds, "–", "–"], [f"{len(written)} files in the output directory"]
    after = written[0]
    found = wheel_file.problems(after) + member_problems(wheel, after)
    same = fetch.sha256(wheel) == fetch.sha256(after)
    if "nothing to change" in done.output and not same:
        found.append("`nothing to change`, but the bytes are not the input's")
    if not same:
        again = run([truewheel, "repair", "-w", scratch / "twice", after])
        second = scratch / "twice" / after.name
        if again.status != 0 or not second.exists() or fetch.sha256(second) != fetch.sha256(after):
            found.append("repaired again, the wheel is another")
    tags = "same" if wheel_file.platforms(after.name) == wheel_file.platforms(wheel.name) else after.name.split("-")[-1]
    loads = "–"
    if after.name.endswith("x86_64.whl") and "musllinux" not in after.name:
        loads, lost = load_problems(wheel, after, scratch)
        found += lost
    return [seconds, "equal bytes" if same else tags, loads], found


def main() -> int:
    options = arguments()
    if not python_is_right():
        return skip(PYTHON_REASON)
    present, missing = fetch.fetch("editor")
    wheels = [pin for pin in present if not options.only or any(text in pin.name for text in options.only)]
    if not wheels:
        return skip(f"no wheels; missing: {missing}")
    total = []
    print("| wheel | s | tags afterwards | files that load, before / after | problems |\n|---|---|---|---|---|")
    for pin in wheels:
        scratch = Path(tempfile.mkdtemp(prefix="corpus-", dir=fetch.cache_directory()))
        try:
            cells, found = check_wheel(options.truewheel.absolute(), pin.path, scratch)
        finally:
            shutil.rmtree(scratch)
        print("| " + " | ".join(map(str, [pin.name, *cells, len(found)])) + " |", flush=True)
        total += [f"{pin.name}: {problem}" for problem in found]
    for name, reason in missing.items():
        print(f"skipped: {name}: {reason}")
    print(f"\n{len(wheels)} wheels, {len(total)} problems")
    for problem in total:
        print(f"- {problem}")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
