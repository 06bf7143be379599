"""Builds truewheel's own wheel for one target: `py3-none-<platform>` with one static program in it.

maturin makes the wheel. What it cannot do is added to it: the completions and the manual in `share`, the licences of
the crates that are linked in, and both families of Linux tags at once. A static program needs no C library, so one
file serves glibc and musl; maturin gives it the tags of one. The result must pass `truewheel check --strict`.

With the same sources, compiler and SOURCE_DATE_EPOCH (default: the time of the last commit), the same bytes.

usage: build.py [--target TRIPLE] [--zig] [--program TRUEWHEEL] [--out DIR]      needs packaging/requirements.txt
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import licenses

ROOT = Path(__file__).resolve().parents[1]

# Rust's standard library asks for Linux 3.2, so no tag here names a system older than that of manylinux_2_17.
# A target's own C library must be in the program; on Windows that is the runtime of Visual C++.
STATIC = "-C target-feature=+crt-static"


def linux(arch: str, glibc: str = "2_17", musl: str = "1_1") -> list[str]:
    older = [f"manylinux2014_{arch}"] if glibc == "2_17" else []
    return [f"manylinux_{glibc}_{arch}", *older, f"musllinux_{musl}_{arch}"]


# An empty list leaves the tag to maturin: on macOS the oldest version that Rust promises, on Windows the only one.
TARGETS = {
    "x86_64-unknown-linux-musl": linux("x86_64"),
    "x86_64-unknown-linux-gnu": linux("x86_64"),
    "i686-unknown-linux-musl": linux("i686"),
    "i686-unknown-linux-gnu": linux("i686"),
    "aarch64-unknown-linux-musl": linux("aarch64"),
    "aarch64-unknown-linux-gnu": linux("aarch64"),
    "armv7-unknown-linux-musleabihf": linux("armv7l"),
    "armv7-unknown-linux-gnueabihf": linux("armv7l"),
    "powerpc64le-unknown-linux-musl": linux("ppc64le"),
    "powerpc64le-unknown-linux-gnu": linux("ppc64le"),
    "s390x-unknown-linux-gnu": linux("s390x"),
    "riscv64gc-unknown-linux-musl": linux("riscv64", "2_31", "1_2"),
    "loongarch64-unknown-linux-musl": linux("loongarch64", "2_38", "1_2"),
    "x86_64-apple-darwin": [],
    "aarch64-apple-darwin": [],
    "x86_64-pc-windows-msvc": [],
    "i686-pc-windows-msvc": [],
    "aarch64-pc-windows-msvc": [],
    "x86_64-pc-windows-gnu": [],
}

SHARE = {
    "bash": "bash-completion/completions/truewheel",
    "zsh": "zsh/site-functions/_truewheel",
    "fish": "fish/vendor_completions.d/truewheel.fish",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default=host(), choices=sorted(TARGETS), metavar="TRIPLE",
                        help="one of: " + ", ".join(TARGETS) + " [default: this machine's]")
    parser.add_argument("--program", type=Path,
                        help="a truewheel that runs here [default: the one that is built, if this machine runs it]")
    parser.add_argument("--zig", action="store_true", help="link with zig, for targets that this machine cannot link for")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="DIR")
    typed = parser.parse_args()
    missing = [tool for tool in ("maturin", "cargo") if shutil.which(tool) is None]
    if missing:
        parser.error(f"{missing[0]} is not on PATH: pip install -r packaging/requirements.txt, and Rust")
    environment = build_environment(typed.target)
    with tempfile.TemporaryDirectory(prefix="truewheel-wheel-") as work:
        work = Path(work)
        built = build(typed.target, typed.zig, work / "built", environment)
        tree = unpack(built, work / "tree")
        program = (typed.program or program_in(tree)).resolve()
        without_places(tree)
        add_share(tree, program)
        licenses.add(ROOT, tree, typed.target)
        wheel = pack(tree, work / "packed", environment)
        wheel = tag(wheel, TARGETS[typed.target], environment)
        run(program, "check", "--strict", wheel)
        typed.out.mkdir(parents=True, exist_ok=True)
        print(shutil.copy(wheel, typed.out / wheel.name))
    return 0


def host() -> str:
    about = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    return next(line.split()[1] for line in about.splitlines() if line.startswith("host: "))


def build_environment(target: str) -> dict[str, str]:
    """No path of this machine in the program, and no time but that of the sources."""
    environment = dict(os.environ)
    home = Path(environment.get("CARGO_HOME", Path.home() / ".cargo"))
    flags = [f"--remap-path-prefix={home}=cargo", f"--remap-path-prefix={ROOT}=truewheel"]
    if "-apple-" not in target:
        flags.append(STATIC)
    environment["RUSTFLAGS"] = " ".join([environment.get("RUSTFLAGS", ""), *flags]).strip()
    if "SOURCE_DATE_EPOCH" not in environment:
        asked = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True)
        environment["SOURCE_DATE_EPOCH"] = asked.stdout.strip() or "315532800"
    return environment


def build(target: str, zig: bool, out: Path, environment: dict[str, str]) -> Path:
    compatibility = ["--compatibility", "linux"] if "-linux-" in target else []
    run("maturin", "build", "--release", "--locked", "--target", target, "--out", out, *compatibility,
        *(["--zig"] if zig else []), cwd=ROOT, env=environment)
    (wheel,) = out.glob("*.whl")
    return wheel


def unpack(wheel: Path, out: Path) -> Path:
    run(sys.executable, "-m", "wheel", "unpack", "--dest", out, wheel)
    (tree,) = out.iterdir()
    return tree


def program_in(tree: Path) -> Path:
    (program,) = tree.glob("*.data/scripts/truewheel*")
    return program


def without_places(tree: Path) -> None:
    """maturin's list of crates names those of this repository by where it lies."""
    for path in tree.glob("*.dist-info/sboms/*.json"):
        path.write_text(path.read_text(encoding="utf-8").replace(f"{ROOT.as_uri()}", "file:///truewheel"), encoding="utf-8")


def add_share(tree: Path, program: Path) -> None:
    share = next(tree.glob("*.data")) / "data" / "share"
    for shell, path in SHARE.items():
        text = subprocess.run([program, "completions", shell], check=True, capture_output=True).stdout
        (share / path).parent.mkdir(parents=True)
        (share / path).write_bytes(text)
    subprocess.run([program, "man", "--dir", share / "man" / "man1"], check=True, stdout=subprocess.DEVNULL)


def pack(tree: Path, out: Path, environment: dict[str, str]) -> Path:
    out.mkdir()
    for path in tree.rglob("*"):
        mode = 0o755 if path.is_dir() or path.parent.name == "scripts" else 0o644
        path.chmod(mode)
    run(sys.executable, "-m", "wheel", "pack", "--dest-dir", out, tree, env=environment)
    (wheel,) = out.iterdir()
    return wheel


def tag(wheel: Path, platforms: list[str], environment: dict[str, str]) -> Path:
    if not platforms:
        return wheel
    run(sys.executable, "-m", "wheel", "tags", "--remove", "--platform-tag", ".".join(platforms), wheel, env=environment)
    (tagged,) = wheel.parent.iterdir()
    return tagged


def run(*words: object, **options: object) -> None:
    words = [str(word) for word in words]
    print("+", *words, file=sys.stderr, flush=True)
    subprocess.run(words, check=True, **options)


if __name__ == "__main__":
    sys.exit(main())
