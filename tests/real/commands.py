"""Runs repair commands as projects write them (`commands.toml`) through truewheel's shims, on small wheels made for each.

usage: commands.py --truewheel PATH [--only TEXT]... [--original] [--keep DIR]

Each command gets a project directory of its own with the wheel, the libraries and the scripts that it names.
Placeholders are filled in as cibuildwheel does it, as text, and `sh -c` runs the result with the shims first on PATH.
The repair tools are always truewheel. Other programs that a command calls (`pip`, `abi3audit`, a project's own
scripts) are stand-ins that write down how they were called; `python -m auditwheel`, `uvx auditwheel` and their like are
stand-ins that start the shim, which no shim can bring about by itself: such rows are counted apart.

A row with `shell = "cmd"` is for Windows' cmd.exe. Nothing here is cmd.exe, so the row is split at `&&`, `%NAME%` filled
in and each part cut into words by the rules of Microsoft's C runtime; `\\` becomes `/`, and `C:/` a directory of the project.

Checked for each: the exit status; exactly the expected wheel, by name and tags, and no other; what it brings along, by
names before the repair; that its module needs these by their new names and what was left out by its old one; the archive,
RECORD and WHEEL; and that `truewheel check` passes it, told what was left out.

`--original` runs the same rows with auditwheel, delvewheel and delocate of PyPI instead (delocate with LLVM's otool,
install_name_tool and lipo), and says where they come out otherwise than expected; a row's `original` says why that is
meant. delvewheel takes the separator of the system that it runs on, so it gets `:` for `;`.

Exit status 0: no problem; 1: at least one; 77: nothing could be run.
"""

import argparse
import os
import re
import shutil
import stat
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path

import commands_checks as checks
import sample_wheels
from commands_shells import FOREIGN, cmd_words, launcher, stand_in
from processes import Run, run, skip

DATA = Path(__file__).with_name("commands.toml")
# What a wheel without a C library earns.
TAGS = {"linux": "manylinux1_x86_64.manylinux_2_5_x86_64"}
ARCHITECTURES = {"macos": "arm64", "macos-intel": "x86_64"}


@dataclass
class Row:
    """One command; `commands.toml` says what each field is."""

    id: str
    project: str
    file: str
    system: str
    command: str
    vendored: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    libraries: str = "lib"
    leads: bool = True
    distribution: str = "demo"
    abi: str = "cp311"
    wheel: str = "built"
    output: str = "{dest_dir}"
    shell: str = "sh"
    environment: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    scripts: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    second: str = ""
    tags: str = ""
    says: list[str] = field(default_factory=list)
    status: int = 0
    check: bool = True
    original: str = ""


@dataclass
class Place:
    """Where one row runs."""

    project: Path
    dest: Path
    wheel: Path
    libraries: Path
    path: list[Path]
    log: Path


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, required=True, help="the program")
    parser.add_argument("--only", action="append", default=[], help="only rows whose id has this in it")
    parser.add_argument("--original", action="store_true", help="with the tools of PyPI instead of truewheel")
    parser.add_argument("--keep", type=Path, help="leave every row's directory here")
    return parser.parse_args()


def rows() -> list[Row]:
    found = [Row(**row) for row in tomllib.loads(DATA.read_text())["command"]]
    names = [row.id for row in found]
    if len(set(names)) != len(names):
        raise SystemExit(f"twice: {sorted({name for name in names if names.count(name) > 1})}")
    return found


def prepare(row: Row, compiler: list, directory: Path, tools: Path) -> Place:
    """Makes the wheel, the libraries, the scripts and the stand-ins."""
    project, dest, log = directory / "project", directory / "dest", directory / "called.txt"
    for place in (project, dest, directory / "scratch"):
        place.mkdir(parents=True)
    log.touch()
    libraries = project / row.libraries
    sample = sample_wheels.Sample(
        system=row.system,
        distribution=row.distribution,
        needs=[*row.vendored, *row.plain, *row.left_out, *row.missing],
        libraries=libraries,
        present=[*row.vendored, *row.plain, *row.left_out],
        leads=row.leads,
        abi=row.abi,
        more=row.opened,
        inside=row.inside,
    )
    built = sample_wheels.build(compiler, sample, directory / "scratch")
    wheel = (directory / "built" if row.wheel == "built" else project / row.wheel) / built.name
    wheel.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(built, wheel)
    if row.second:
        other = sample_wheels.build(compiler, sample_wheels.Sample(**{**sample.__dict__, "system": row.second}), directory / "second")
        shutil.move(other, wheel.parent / other.name)
    for script in row.scripts:
        executable(project / script, stand_in(log))
    for name, text in row.files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    others = directory / "others"
    for name in FOREIGN:
        executable(others / name, launcher(log) if name in ("python", "python3", "pipx", "uvx", "uv") else stand_in(log))
    return Place(project, dest, wheel, libraries, [tools, others], log)


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def filled(text: str, row: Row, place: Place) -> str:
    """`text` as cibuildwheel hands it to the shell; a directory of `places` moves into the project."""
    fields = {"wheel": place.wheel, "dest_dir": place.dest, "project": place.project, "package": place.project}
    if row.system in ARCHITECTURES:
        fields["delocate_archs"] = ARCHITECTURES[row.system]
    for name, value in fields.items():
        # `${wheel}` is a variable of a script.
        text = re.sub(r"(?<!\$)\{" + name + r"\}", str(value), text)
    for old, new in row.places.items():
        text = text.replace(old, f"{place.project}/{new}")
    return text


def execute(row: Row, place: Place, separator: str) -> Run:
    """Runs the command, with the variables of the row and no others; `separator` stands between the items of lists."""
    path = [*place.path, "/usr/bin", "/bin"]
    if row.libraries.startswith("path/"):
        path.insert(0, place.libraries)
    environment = {"PATH": os.pathsep.join(map(str, path)), "HOME": str(place.project), "LANG": "C.UTF-8"}
    environment |= {name: filled(value, row, place) for name, value in row.environment.items()}
    clean = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in environment.items())]
    text = filled(row.command, row, place)
    if row.shell != "cmd":
        return run([*clean, row.shell, "-c", text], cwd=place.project)
    output = ""
    for words in cmd_words(text, environment, place.project, separator):
        found = shutil.which(words[0].removesuffix(".exe"), path=environment["PATH"]) or place.project / words[0]
        done = run([*clean, found, *words[1:]], cwd=place.project)
        output += done.output
        if done.status != 0:
            break
    return replace(done, output=output)


def results(row: Row, place: Place) -> list[Path]:
    """The wheels where the result is to be, but for the input."""
    output = Path(filled(row.output, row, place))
    output = output if output.is_absolute() else place.project / output
    return sorted(path for path in output.glob("*.whl") if output != place.wheel.parent or row.output == row.wheel or path != place.wheel)


def judge(row: Row, place: Place, done: Run, truewheel: Path | None) -> list[str]:
    """All that is not as the row says."""
    found = [f"says nothing of `{text}`: {done.output.strip()[-400:]}" for text in row.says if text not in done.output]
    if done.status != row.status:
        return [*found, f"status {done.status}, it should be {row.status}: {done.output.strip()[-600:]}"]
    wheels = results(row, place)
    stem = place.wheel.name.removesuffix(".whl").rsplit("-", 1)[0]
    if row.tags == "-":
        return found
    wanted = f"{stem}-{row.tags or TAGS.get(row.system, sample_wheels.PLATFORMS[row.system])}.whl"
    if row.status != 0:
        return found + [f"wrote {path.name}" for path in wheels if path != place.wheel]
    fresh = [path for path in wheels if path != place.wheel or path.name == wanted]
    if [path.name for path in fresh] != [wanted]:
        return [*found, f"wrote {[path.name for path in fresh]}, it should be {wanted}"]
    found += checks.problems(row, fresh[0])
    if truewheel is not None and row.check:
        found += checks.check_problems(truewheel, row, fresh[0])
    return found


def main() -> int:
    options = arguments()
    compiler = sample_wheels.zig()
    if compiler is None:
        return skip("zig cannot be had")
    truewheel = options.truewheel.absolute()
    chosen = [row for row in rows() if not options.only or any(text in row.id for text in options.only)]
    failures, launched, seen = [], 0, 0
    with tempfile.TemporaryDirectory(prefix="truewheel-commands-") as scratch:
        tools = Path(scratch) / "shims"
        if options.original:
            reason = checks.originals(tools)
            if reason:
                return skip(reason)
        else:
            run([truewheel, "install-shims", tools]).require()
        for row in chosen:
            directory = (options.keep or Path(scratch)) / row.id
            shutil.rmtree(directory, ignore_errors=True)
            place = prepare(row, compiler, directory, tools)
            done = execute(row, place, ":" if options.original else ";")
            launched += "launched" in place.log.read_text()
            found = judge(row, place, done, None if options.original else truewheel)
            if options.original and row.original:
                seen += bool(found)
                print(f"{row.id}: {row.original}: {'; '.join(found) or 'no difference'}")
                found = [] if found else ["no difference is seen, and one is listed"]
            failures += [f"{row.id}: {problem}" for problem in found]
            if options.keep is None:
                shutil.rmtree(directory)
    projects = {row.project for row in chosen}
    print(f"{len(chosen)} commands of {len(projects)} projects, {launched} by way of another launcher", end="")
    print(f", {seen} differences listed, {len(failures)} problems" if options.original else f", {len(failures)} problems")
    for problem in failures:
        print(f"- {problem}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
