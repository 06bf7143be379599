"""Loaders of other machines: glibc's and musl's ld.so, run on this one to say what they think of a file.

A loader in its listing mode (`ldd -r`: LD_TRACE_LOADED_OBJECTS, LD_WARN, LD_BIND_NOW; musl: `--list`) maps a file and
all it needs, checks versions, relocates, and names every symbol it cannot find. i686 and musl run as they are,
aarch64 under qemu-user. The packages come from Debian through apt-get, unpacked into the cache; nothing is installed.
Where that cannot be had, `make_loaders` says why.
"""

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import fetch
from editor_plan import FILLERS
from processes import run

LIBRARIES = ("libc6", "libstdc++6", "libgcc-s1", "zlib1g")
TOOLS = ("qemu-user-static", "binutils-aarch64-linux-gnu")


@dataclass
class Loader:
    """How to ask one loader, and where its own libraries are."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    directories: list[Path] = field(default_factory=list)

    def host_libraries(self) -> dict[str, str]:
        """The libraries that its system provides, by name."""
        files = [path for directory in self.directories for path in directory.glob("lib*.so*")]
        return {path.name: str(path) for path in sorted(files)}

    def faults(self, path: Path, tree: Path) -> set[str]:
        """What the loader complains of, in words that do not depend on where the tree is or how it was renamed."""
        done = run([*self.command, path], timeout=120, **self.environment)
        found = set()
        for line in done.output.splitlines():
            words = line.replace(str(tree), "TREE").strip()
            for filler in FILLERS:
                words = words.replace(f"-{filler}", "")
            if undefined := re.match(r"undefined symbol: (\S+)|Error relocating \S+: (\S+): symbol not", words):
                found.add(f"undefined symbol {undefined[1] or undefined[2]}")
            elif words and not re.search(r"=> /|=> TREE|^(/|TREE|linux-|ld-|lib)\S*( \(0x[0-9a-f]+\))?$", words):
                found.add(re.sub(r"0x[0-9a-f]+", "#", re.sub(r" \(needed by .*\)", "", words)))
        # 127: musl's ld.so found a symbol or library missing, which it has said; a signal is never said.
        if done.status not in (0, 127):
            found.add(f"ended with status {done.status}")
        return found


def debian(architecture: str, packages: tuple[str, ...], target: Path) -> str | None:
    """Unpacks Debian packages of one architecture below `target`, once; returns the reason if that failed."""
    if target.exists():
        return None
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        return "there is no apt-get here"
    scratch = target.with_name(f"{target.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "lists" / "partial").mkdir(parents=True)
    # Package lists of our own, so that the machine's are not touched.
    options = ["-o", f"Dir::State::lists={scratch / 'lists'}", "-o", "APT::Architectures::=amd64"]
    options += ["-o", f"APT::Architectures::={architecture}", "-q"]
    run(["apt-get", *options, "update"])
    got = run(["apt-get", *options, "download", *(f"{name}:{architecture}" for name in packages)], cwd=scratch)
    if got.status != 0:
        return f"apt-get download: {got.output.strip().splitlines()[-1]}"
    for package in scratch.glob("*.deb"):
        run(["dpkg", "-x", package, scratch]).require()
        package.unlink()
    shutil.rmtree(scratch / "lists")
    scratch.rename(target)
    return None


def make_loaders() -> tuple[dict[str, Loader], dict[str, str]]:
    """The loaders by `libc machine`, and for those that are missing the reason."""
    root = fetch.cache_directory() / "loaders"
    wanted = {
        "tools": ("amd64", TOOLS),
        "glibc i686": ("i386", LIBRARIES),
        "glibc aarch64": ("arm64", LIBRARIES),
        "musl x86_64": ("amd64", ("musl",)),
        "musl aarch64": ("arm64", ("musl",)),
    }
    missing = {}
    for name, (architecture, packages) in wanted.items():
        reason = debian(architecture, packages, root / name.replace(" ", "-"))
        if reason is not None:
            missing[name] = reason
    if "tools" in missing:
        missing.update({name: missing["tools"] for name in wanted if "aarch64" in name})
    qemu = str(root / "tools" / "usr" / "bin" / "qemu-aarch64-static")
    made = {}
    for name, machine in (("glibc i686", "i386-linux-gnu"), ("glibc aarch64", "aarch64-linux-gnu")):
        system = root / name.replace(" ", "-")
        directories = [system / "lib" / machine, system / "usr" / "lib" / machine]
        settings = {"LD_TRACE_LOADED_OBJECTS": "1", "LD_WARN": "1", "LD_BIND_NOW": "1"}
        settings["LD_LIBRARY_PATH"] = ":".join(map(str, directories))
        if name == "glibc i686":
            made[name] = Loader([str(system / "lib" / "ld-linux.so.2")], settings, directories)
        else:
            # qemu hands these to the program it runs; set for qemu itself they would stop it.
            words = [word for item in settings.items() for word in ("-E", "=".join(item))]
            loader = str(system / "lib" / "ld-linux-aarch64.so.1")
            made[name] = Loader([qemu, *words, loader], {}, directories)
    for machine, prefix in (("x86_64", []), ("aarch64", [qemu])):
        loader = root / f"musl-{machine}" / "lib" / f"ld-musl-{machine}.so.1"
        made[f"musl {machine}"] = Loader([*prefix, str(loader), "--list"])
    return {name: loader for name, loader in made.items() if name not in missing}, missing


def stripper(machine: str) -> tuple[list[str], dict[str, str]] | None:
    """The `strip` for files of a machine, with what it needs in the environment."""
    if machine in ("x86_64", "i686"):
        return ["strip"], {}
    tools = fetch.cache_directory() / "loaders" / "tools" / "usr"
    found = tools / "bin" / f"{machine}-linux-gnu-strip"
    libraries = str(tools / "lib" / f"{os.uname().machine}-linux-gnu")
    return ([str(found)], {"LD_LIBRARY_PATH": libraries}) if found.exists() else None
