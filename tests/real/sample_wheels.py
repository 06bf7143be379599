"""Small wheels for the three systems, whose one module needs the libraries that it is told to need.

zig compiles them on any machine, against nothing of a C library but its name, so that a wheel is made in a tenth of a
second and earns the oldest tag there is. A library has one function; its name on the disk is the name by which it is needed.
"""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import fetch
import wheel_file
from processes import keep_environment, run

TARGETS = {
    "linux": "x86_64-linux-gnu.2.17",
    "musl": "x86_64-linux-musl",
    "macos": "aarch64-macos.11.0",
    "macos-intel": "x86_64-macos.10.13",
    "windows": "x86_64-windows-gnu",
}
PLATFORMS = {
    "linux": "linux_x86_64",
    "musl": "linux_x86_64",
    "macos": "macosx_11_0_arm64",
    "macos-intel": "macosx_10_13_x86_64",
    "windows": "win_amd64",
}
# The C library of the target, which auditwheel wants to see; only the name of a stand-in for it is needed.
C_LIBRARIES = {"linux": "libc.so.6", "musl": "libc.musl-x86_64.so.1"}
# Without a C library nobody else defines where a DLL begins.
EXPORT = "#ifdef _WIN32\n#define EXPORT __declspec(dllexport)\nint DllMainCRTStartup(void *a, unsigned b, void *c) { return 1; }\n#else\n#define EXPORT\n#endif\n"


@dataclass
class Sample:
    """What a wheel is to be like."""

    system: str
    distribution: str
    needs: list[str]
    # Where the libraries lie when the wheel is repaired, and which of them lie there.
    libraries: Path
    present: list[str]
    # Whether the module itself leads to them: RUNPATH, or absolute install names.
    leads: bool
    abi: str = "cp311"
    files: dict[str, str] = field(default_factory=dict)
    # Other libraries that lie there and that nothing needs.
    more: list[str] = field(default_factory=list)
    # Libraries that lie in the package, and that the module needs.
    inside: list[str] = field(default_factory=list)


def zig() -> list | None:
    """The compiler, or None where it cannot be had."""
    pin = next(pin for pin in fetch.pins() if pin.name.startswith("ziglang-"))
    if fetch.fetch_one(pin) is not None:
        return None
    return [keep_environment(fetch.cache_directory() / "zig-venv", [pin.path]), "-m", "ziglang", "cc"]


def symbol(name: str) -> str:
    return "f_" + re.sub(r"\W", "_", name)


def compile_file(compiler: list, system: str, source: str, output: Path, words: list) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    text = output.parent / "truewheel_source.c"
    text.write_text(EXPORT + source)
    places = {name: fetch.cache_directory() / "zig" for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")}
    flags = ["-target", TARGETS[system], "-O1", "-g0", "-nostdlib", "-shared"]
    flags += ["-Wl,-headerpad_max_install_names"] if system.startswith("macos") else []
    run([*compiler, *flags, text, *words, "-o", output], **places).require()
    text.unlink()
    for other in [*output.parent.glob("*.pdb"), *output.parent.glob("truewheel_source.*")]:
        other.unlink()


def library(compiler: list, sample: Sample, name: str, directory: Path) -> Path:
    """Compiles one library."""
    path = directory / name
    if sample.system in ("linux", "musl"):
        words = [f"-Wl,-soname,{name}"]
    elif sample.system == "windows":
        words = []
    else:
        place = f"{sample.libraries}/{name}" if sample.leads and name not in sample.inside else f"@rpath/{name}"
        words = [f"-Wl,-install_name,{place}"]
    compile_file(compiler, sample.system, f"EXPORT int {symbol(name)}(void) {{ return 1; }}\n", path, words)
    return path


def build(compiler: list, sample: Sample, scratch: Path) -> Path:
    """Makes the wheel in `scratch`, and the libraries where they are to lie."""
    linked, tree = scratch / "linked", scratch / "tree"
    package = tree / sample.distribution.replace("-", "_")
    package.mkdir(parents=True)
    paths = []
    for name in [*sample.needs, *sample.more, *sample.inside]:
        path = library(compiler, sample, name, linked)
        if name in sample.inside:
            shutil.copy(path, package / name)
        elif name in sample.present or name in sample.more:
            sample.libraries.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, sample.libraries / name)
        paths += [path] if name not in sample.more else []
    names = [*sample.needs, *sample.inside]
    if sample.system in C_LIBRARIES:
        names.append(C_LIBRARIES[sample.system])
        paths.append(library(compiler, sample, names[-1], linked))
    declared = "".join(f"int {symbol(name)}(void);\n" for name in names)
    body = " + ".join([*(f"{symbol(name)}()" for name in names), "0"])
    ending = {"windows": ".pyd"}.get(sample.system, ".so")
    words = [*paths]
    if sample.system in ("linux", "musl"):
        places = ["$ORIGIN"] if sample.inside else []
        places += [str(sample.libraries)] if sample.leads else []
        words += [f"-Wl,-rpath,{':'.join(places)}"] if places else []
    elif sample.inside:
        words += ["-Wl,-rpath,@loader_path"]
    source = f"{declared}EXPORT int PyInit__ext(void) {{ return {body}; }}\n"
    compile_file(compiler, sample.system, source, package / f"_ext{ending}", words)
    return pack(sample, tree, scratch)


def pack(sample: Sample, tree: Path, scratch: Path) -> Path:
    package = sample.distribution.replace("-", "_")
    python, abi, platform = "cp311", sample.abi, PLATFORMS[sample.system]
    tag = f"{python}-{abi}-{platform}"
    info = f"{package}-1.0.dist-info"
    files = {
        f"{package}/__init__.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {sample.distribution}\nVersion: 1.0\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: {tag}\n",
        **sample.files,
    }
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    wheel = scratch / f"{package}-1.0-{tag}.whl"
    wheel_file.pack(tree, wheel)
    return wheel
