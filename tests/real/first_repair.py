"""The main job on a real wheel: builds truewheel, repairs PyPI's shapely, and imports the result.

A published wheel is repaired already, so it is undone first: its libraries (GEOS) are taken out of the wheel
into a directory of their own, as a build machine would have them, and its tag is set back to `linux_x86_64`.
Then truewheel finds the libraries, brings them back under names of their own, and gives the tag the wheel earns.
The result is installed into a new environment, where only the wheel can provide GEOS, and used.

usage: first_repair.py [--truewheel PATH]      without PATH: `cargo build --release` first
"""

import argparse
import base64
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import fetch  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
USE = "import shapely; print('GEOS', shapely.geos_version_string, shapely.Point(0, 0).buffer(1).area)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truewheel", type=Path)
    program = parser.parse_args().truewheel or build()
    present, missing = fetch.fetch("first")
    if not present:
        print(f"cannot download: {', '.join(f'{name}: {why}' for name, why in missing.items())}", file=sys.stderr)
        return 1
    work = Path(tempfile.mkdtemp(prefix="truewheel-first-"))
    wheel = undo(present[0].path, work)
    run(program, "repair", "-v", "--lib-path", work / "lib", "-w", work / "wheelhouse", wheel)
    (repaired,) = (work / "wheelhouse").iterdir()
    print(f"\nrepaired: {repaired}")
    if sys.version_info[:2] != (3, 11) or os.uname().machine != "x86_64":
        print("skipped: import of the result: it is for CPython 3.11 on x86_64, this is another Python")
        return 0
    run(sys.executable, "-m", "venv", work / "env")
    python = work / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", repaired)
    run(python, "-c", USE)
    return 0


def build() -> Path:
    run("cargo", "build", "--release", "--locked", cwd=ROOT)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "release" / "truewheel"


def undo(wheel: Path, work: Path) -> Path:
    """Writes `wheel` without its libraries, as `linux_x86_64`, and the libraries to `lib`."""
    name, version, python, abi, _ = wheel.stem.split("-")
    (work / "lib").mkdir()
    undone = work / f"{name}-{version}-{python}-{abi}-linux_x86_64.whl"
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(undone, "w", zipfile.ZIP_DEFLATED) as new:
        dist_info = next(n.split("/")[0] for n in old.namelist() if n.endswith(".dist-info/RECORD"))
        lines = [line for line in old.read(f"{dist_info}/WHEEL").decode().splitlines() if line and line[:4] != "Tag:"]
        tags = "\n".join([*lines, f"Tag: {python}-{abi}-linux_x86_64", ""]).encode()
        hashed = base64.urlsafe_b64encode(hashlib.sha256(tags).digest()).decode().rstrip("=")
        rows = []
        for row in old.read(f"{dist_info}/RECORD").decode().splitlines():
            if row.startswith(f"{dist_info}/WHEEL,"):
                rows.append(f"{dist_info}/WHEEL,sha256={hashed},{len(tags)}")
            elif not row.startswith(f"{name}.libs/") and "/sboms/" not in row:
                rows.append(row)
        changed = {f"{dist_info}/WHEEL": tags, f"{dist_info}/RECORD": "\n".join([*rows, ""]).encode()}
        for member in old.infolist():
            content = changed.get(member.filename, old.read(member))
            if member.filename.startswith(f"{name}.libs/"):
                if not member.is_dir():
                    (work / "lib" / Path(member.filename).name).write_bytes(content)
            elif not member.is_dir() and "/sboms/" not in member.filename:
                new.writestr(member, content)
    return undone


def run(*command: object, cwd: Path | None = None) -> None:
    print("$", *command, flush=True)
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"failed: {error.cmd[0]} ended with status {error.returncode}")
