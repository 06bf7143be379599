"""The real cibuildwheel, with truewheel as its repair tool: from its own wheel, in a container.

The project in `cibuildwheel/` has a C extension and needs a library that only the container has. cibuildwheel builds it,
once with `repair-wheel-command = "truewheel repair …"` and `audit-command = "truewheel check …"` (`native.toml`), once with
its own default, `auditwheel repair …`, which `truewheel install-shims` answers (`shims.toml`). truewheel comes into the
container as a project's CI brings it: `before-all = "pipx install truewheel"`. The result is installed and imported
there by cibuildwheel's test step. Both ways must give the same bytes. auditwheel itself, with patchelf, builds a third
(`auditwheel.toml`), which must have the same file name and the same name for the library.

No image is downloaded: debootstrap makes a Debian, and `cibuildwheel/Containerfile` adds what a manylinux image has and
cibuildwheel asks for. Everything that is installed from PyPI is pinned in wheels.toml, and inside the container nothing
is downloaded. Skipped where podman, runc or debootstrap is missing or may not be used.

usage: cibuildwheel.py --wheel TRUEWHEEL_WHEEL [--only VARIANT] [--out DIR]
"""

import argparse
import hashlib
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import fetch  # noqa: E402
import wheel_file  # noqa: E402

PROJECT = Path(__file__).with_name("cibuildwheel")
BASE = "localhost/truewheel-debian-bookworm"
PACKAGES = "ca-certificates,gcc,libc6-dev,make,python3,python3-dev,python3-venv"
SKIPPED = 77

# What stands in cibuildwheel's log when the command of the configuration was run, and when the test step was reached.
COMMANDS = {
    "native": ["truewheel repair -w", "truewheel check --strict", "imported with "],
    "shims": ["auditwheel repair -w", "Fixed-up wheel written to", "imported with "],
    "auditwheel": ["auditwheel repair -w", "Fixed-up wheel written to", "imported with "],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path, required=True, help="truewheel's own wheel, as packaging/build.py makes it")
    parser.add_argument("--only", choices=COMMANDS)
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep wheels and logs in DIR/VARIANT")
    typed = parser.parse_args()
    reason = why_not()
    present, missing = ([], {}) if reason else fetch.fetch("cibuildwheel", "peer")
    if missing:
        reason = ", ".join(f"{name}: {why}" for name, why in missing.items())
    with tempfile.TemporaryDirectory(prefix="truewheel-cibuildwheel-") as work:
        work = Path(work)
        os.environ["CONTAINERS_CONF"] = str(podman_settings(work))
        reason = reason or podman_fails()
        if reason:
            print(f"skipped: cibuildwheel: {reason}")
            return SKIPPED
        own = [pin.path for pin in present if "cibuildwheel" in pin.groups]
        image = make_image(own, work)
        program = install_cibuildwheel(own, work)
        links = [pin.path for pin in present] + [typed.wheel]
        variants = [typed.only] if typed.only else list(COMMANDS)
        out = (typed.out or work / "out").absolute()
        found = [problem for variant in variants for problem in build(variant, image, program, links, out / variant)]
        found += differences([out / variant / "wheels" for variant in variants])
    for problem in found:
        print(f"problem: {problem}")
    print(f"{len(variants)} builds by cibuildwheel, {len(found)} problems")
    return 1 if found else 0


def why_not() -> str | None:
    """Why containers cannot be made and used here, as far as that can be seen from outside."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return "the container is for x86_64 Linux"
    if os.geteuid() != 0:
        return "debootstrap and podman without a user namespace need root"
    lacking = [program for program in ("podman", "debootstrap") if shutil.which(program) is None]
    if runtime() is None:
        lacking.append("runc")
    return f"no {', '.join(lacking)} (packages of Debian)" if lacking else None


def runtime() -> str | None:
    """What starts containers: runc, as it needs no systemd; crun where it is alone."""
    return next((program for program in ("runc", "crun") if shutil.which(program)), None)


def podman_settings(work: Path) -> Path:
    """Settings that need no systemd, and limits no higher than this process may give."""
    limits = []
    for name, number in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        hard = resource.getrlimit(number)[1]
        most = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
        limits.append(f'"{name}={most}:{most}"')
    path = work / "containers.conf"
    path.write_text(
        f"[containers]\ndefault_ulimits = [{', '.join(limits)}]\n"
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        f'runtime = "{runtime()}"\n'
    )
    return path


def podman_fails() -> str | None:
    done = subprocess.run(["podman", "info"], capture_output=True, text=True)
    return None if done.returncode == 0 else f"podman info: {done.stderr.strip().splitlines()[-1]}"


def make_image(links: list[Path], work: Path) -> str:
    """The image to build in. It is kept by podman, and its name changes with what it is made of."""
    recipe = (PROJECT / "Containerfile").read_text() + PACKAGES + " ".join(sorted(path.name for path in links))
    image = f"localhost/truewheel-manylinux:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if subprocess.run(["podman", "image", "exists", image]).returncode == 0:
        return image
    if subprocess.run(["podman", "image", "exists", BASE]).returncode != 0:
        run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", work / "root", quiet=True)
        run("tar", "-C", work / "root", "-cf", work / "root.tar", ".")
        run("podman", "import", "--quiet", work / "root.tar", BASE)
        shutil.rmtree(work / "root")
        (work / "root.tar").unlink()
    context = copied(links, work / "context")
    run("podman", "build", "--network=host", "--isolation=chroot", "-t", image, "-f", PROJECT / "Containerfile", context,
        quiet=True)
    return image


def install_cibuildwheel(links: list[Path], work: Path) -> Path:
    """cibuildwheel in an environment of its own, and the virtualenv that it would download, as a directory."""
    wheels = copied(links, work / "links")
    run(sys.executable, "-m", "venv", work / "environment")
    pip = [work / "environment" / "bin" / "pip", "install", "-q", "--no-index", "--find-links", wheels]
    run(*pip, "cibuildwheel")
    resources = next((work / "environment").glob("lib/python*/site-packages/cibuildwheel/resources"))
    wanted = tomllib.loads((resources / "virtualenv.toml").read_text())["default"]["version"]
    stand_in = work / "cache" / f"virtualenv-{wanted}.pyz"
    run(*pip, "--target", stand_in, "virtualenv")
    (stand_in / "__main__.py").write_text("from virtualenv.__main__ import run_with_catch\n\nrun_with_catch()\n")
    return work / "environment" / "bin" / "cibuildwheel"


def build(variant: str, image: str, program: Path, links: list[Path], work: Path) -> list[str]:
    """Runs cibuildwheel on a copy of the project; returns what is wrong with what it did."""
    shutil.rmtree(work, ignore_errors=True)
    project = work / "project"
    shutil.copytree(PROJECT, project)
    copied(links, project / "links")
    environment = dict(os.environ)
    for name in [name for name in environment if name.startswith(("CIBW_", "PIP_"))]:
        del environment[name]
    environment |= {
        "CIBW_CACHE_PATH": str(program.parents[2] / "cache"),
        "CIBW_CONTAINER_ENGINE": "podman; create_args: --network=host",
        "CIBW_MANYLINUX_X86_64_IMAGE": image,
        "CIBW_ENVIRONMENT_LINUX": "PIP_NO_INDEX=1 PIP_FIND_LINKS=/project/links",
        "CIBW_DEPENDENCY_VERSIONS": "latest",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(project / "links"),
        "SOURCE_DATE_EPOCH": "1700000000",
    }
    words = [program, "--platform", "linux", "--config-file", f"{{package}}/{variant}.toml", "--output-dir", work / "wheels"]
    print(f"== {variant}", flush=True)
    log = work / "log"
    with log.open("wb") as stream:
        done = subprocess.run([*words, "."], cwd=project, env=environment, stdout=stream, stderr=subprocess.STDOUT)
    text = log.read_text(errors="replace")
    if done.returncode != 0:
        print(text)
        return [f"{variant}: cibuildwheel ended with status {done.returncode}"]
    found = [f"{variant}: `{words}` is not in the log" for words in COMMANDS[variant] if words not in text]
    return found + wheel_problems(variant, work / "wheels")


def wheel_problems(variant: str, directory: Path) -> list[str]:
    wheels = sorted(directory.iterdir())
    if len(wheels) != 1:
        return [f"{variant}: {len(wheels)} files came out: {[path.name for path in wheels]}"]
    libraries = vendored(wheels[0])
    print(f"{wheels[0].name}: {', '.join(libraries)}")
    found = [f"{variant}: {problem}" for problem in wheel_file.problems(wheels[0])]
    if "manylinux_2_36_x86_64" not in wheel_file.platforms(wheels[0].name):
        found.append(f"{variant}: the tag is not the image's: {wheels[0].name}")
    if len(libraries) != 1 or "liboutside-" not in libraries[0]:
        found.append(f"{variant}: vendored are {libraries}")
    return found


def vendored(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return [name for name in archive.namelist() if name.startswith("demo.libs/") and not name.endswith("/")]


def differences(directories: list[Path]) -> list[str]:
    """All ways give the same names, and truewheel by whatever name it is called the same bytes."""
    wheels = [wheel for directory in directories for wheel in directory.glob("*.whl")]
    names = {(wheel.name, *vendored(wheel)) for wheel in wheels}
    found = [f"names differ: {sorted(names)}"] if len(names) > 1 else []
    ours = {fetch.sha256(wheel) for wheel in wheels if wheel.parents[1].name != "auditwheel"}
    return found + (["native and shims should give the same bytes, and do not"] if len(ours) > 1 else [])


def copied(paths: list[Path], directory: Path) -> Path:
    directory.mkdir(parents=True)
    for path in paths:
        shutil.copy(path, directory)
    return directory


def run(*words: object, quiet: bool = False) -> None:
    words = [str(word) for word in words]
    print("+", *words, flush=True)
    done = subprocess.run(words, stdout=subprocess.PIPE if quiet else None, stderr=subprocess.STDOUT if quiet else None)
    if done.returncode != 0:
        sys.stdout.write((done.stdout or b"").decode(errors="replace"))
        raise SystemExit(f"{words[0]} ended with status {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
