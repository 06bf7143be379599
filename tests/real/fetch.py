"""Downloads the files pinned in `wheels.toml` into the cache, and says what it could not get.

A file that is in the cache with the right SHA-256 is not downloaded again, so a second run needs no
network. Downloads go through pip, which takes nothing whose hash differs from the pin. What cannot be had
(offline, or withdrawn) is returned with its reason: the caller skips what needs it, and says so.

The cache is `$TRUEWHEEL_CACHE`, else `~/.cache/truewheel-tests`; it lies outside the checkout.

usage: fetch.py [GROUP...]      without a group: everything
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

PIN_FILE = Path(__file__).with_name("wheels.toml")

# pip asks an sdist's build backend for its metadata even when it only downloads, and some backends compile
# the whole package to answer. This stand-in reads the answer from PKG-INFO. It serves the download only; the
# build uses the real backend.
METADATA_BACKEND = '''
import pathlib, re

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(directory, config_settings=None):
    text = pathlib.Path("PKG-INFO").read_text()
    name = re.search(r"^Name: (.*)$", text, re.M)[1].strip()
    version = re.search(r"^Version: (.*)$", text, re.M)[1].strip()
    info = pathlib.Path(directory) / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(text)
    return info.name
'''


@dataclass(frozen=True)
class Pin:
    """One pinned file."""

    name: str
    requirement: str
    sha256: str
    groups: tuple[str, ...]

    @property
    def is_sdist(self) -> bool:
        return self.name.endswith(".tar.gz")

    @property
    def path(self) -> Path:
        return cache_directory() / "downloads" / self.name


def cache_directory() -> Path:
    """Where downloads and built wheels are kept."""
    chosen = os.environ.get("TRUEWHEEL_CACHE")
    return Path(chosen).absolute() if chosen else Path.home() / ".cache" / "truewheel-tests"


def pins(*groups: str) -> list[Pin]:
    """The pinned files of `groups`, or of all groups when none is named."""
    rows = tomllib.loads(PIN_FILE.read_text())["file"]
    every = [Pin(r["name"], r["requirement"], r["sha256"], tuple(r["groups"])) for r in rows]
    known = {group for pin in every for group in pin.groups}
    unknown = set(groups) - known
    if unknown:
        raise SystemExit(f"no group {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    return [pin for pin in every if not groups or set(groups) & set(pin.groups)]


def fetch(*groups: str) -> tuple[list[Pin], dict[str, str]]:
    """Makes the files of `groups` present; returns those that are, and for the others the reason by name."""
    present, missing = [], {}
    for pin in pins(*groups):
        reason = fetch_one(pin)
        if reason is None:
            present.append(pin)
        else:
            missing[pin.name] = reason
    return present, missing


def fetch_one(pin: Pin) -> str | None:
    """Makes one file present; returns the reason if that failed."""
    if pin.path.exists():
        if sha256(pin.path) == pin.sha256:
            return None
        pin.path.unlink()
    pin.path.parent.mkdir(parents=True, exist_ok=True)
    print(f"downloading {pin.name}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=pin.path.parent) as scratch:
        reason = download(pin, Path(scratch))
        if reason is not None:
            return reason
        found = Path(scratch) / pin.name
        if not found.exists():
            others = ", ".join(sorted(p.name for p in Path(scratch).glob("*.*")))
            return f"pip downloaded {others} instead"
        if sha256(found) != pin.sha256:
            return f"SHA-256 is {sha256(found)}, the pin says {pin.sha256}"
        found.rename(pin.path)
    return None


def download(pin: Pin, directory: Path) -> str | None:
    """Runs `pip download` for one file; returns the last error line if it failed."""
    requirements = directory / "requirements.in"
    requirements.write_text(f"{pin.requirement} --hash=sha256:{pin.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "-r", str(requirements), "-d", str(directory)]
    environment = dict(os.environ)
    if pin.is_sdist:
        backend = directory / "backend"
        backend.mkdir()
        (backend / "mesonpy.py").write_text(METADATA_BACKEND)
        environment["PYTHONPATH"] = str(backend)
        command += ["--no-binary", ":all:", "--no-build-isolation"]
    else:
        command += ["--only-binary", ":all:", *tag_options(pin.name)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return (errors or done.stderr.strip().splitlines() or ["pip failed and said nothing"])[-1]


def tag_options(wheel: str) -> list[str]:
    """The options that make pip take exactly this wheel, whatever machine it runs on."""
    python, abi, platforms = wheel.removesuffix(".whl").split("-")[-3:]
    options = []
    if platforms != "any":
        for platform in platforms.split("."):
            options += ["--platform", platform]
        # An abi3 wheel for CPython 3.8 is looked for as 3.11 does, the Python these scripts run on.
        version = python[2:] if python.startswith("cp") and abi != "abi3" else "311"
        options += ["--implementation", "cp", "--python-version", version]
        options += ["--abi", abi]
    return options


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def main() -> int:
    present, missing = fetch(*sys.argv[1:])
    print(f"{len(present)} files present in {cache_directory() / 'downloads'}")
    for name, reason in sorted(missing.items()):
        print(f"missing: {name}: {reason}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
