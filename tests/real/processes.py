"""Runs other programs and measures them; makes virtual environments; how a script says that it was skipped."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

# What automake and meson take for "skipped": neither passed nor failed.
SKIPPED = 77

# What would let a build's libraries, or a search path of the caller's, into a run.
LEAKS = ("LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONPATH", "PYTHONHOME", "PKG_CONFIG_PATH",
         "AUDITWHEEL_LD_LIBRARY_PATH", "TRUEWHEEL_LIBRARY_PATH", "REPAIR_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
         "DYLD_FALLBACK_LIBRARY_PATH")  # fmt: skip


@dataclass
class Run:
    """One finished process, with all its children: `seconds` by the wall clock, `cpu` in seconds, `peak` RSS in
    bytes of the largest single process."""

    command: list[str]
    status: int
    output: str
    seconds: float
    cpu: float
    peak: int

    def require(self) -> "Run":
        """Stops the script with the whole output unless the process ended with status 0."""
        if self.status != 0:
            raise SystemExit(f"{self.output}\nstatus {self.status}: {' '.join(self.command)}")
        return self


def run(command: list, timeout: float = 3600, cwd: Path | None = None, **environment: str | None) -> Run:
    """Runs `command` without the variables in `LEAKS`; a variable given as None is removed too."""
    command = [str(word) for word in command]
    settings = {k: v for k, v in os.environ.items() if k not in LEAKS}
    for name, value in environment.items():
        if value is None:
            settings.pop(name, None)
        else:
            settings[name] = str(value)
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        child = subprocess.Popen(
            command, env=settings, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        status, usage = wait(child.pid, start + timeout)
        seconds = time.perf_counter() - start
        child.returncode = status
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if status == -signal.SIGKILL and seconds >= timeout:
        text += f"\nkilled after {timeout} s"
    return Run(command, status, text, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def wait(pid: int, deadline: float):
    """Waits for one child, and ends its process group when the deadline passes; returns (status, rusage)."""
    watch = os.pidfd_open(pid)
    try:
        left = max(0.0, deadline - time.perf_counter())
        ready, _, _ = select.select([watch], [], [], left)
        if not ready:
            os.killpg(pid, signal.SIGKILL)
    finally:
        os.close(watch)
    _, status, usage = os.wait4(pid, 0)
    return os.waitstatus_to_exitcode(status), usage


def make_environment(directory: Path, packages: list[Path]) -> Path:
    """A virtual environment with exactly `packages`; returns its Python."""
    python = directory / "bin" / "python"
    run([sys.executable, "-m", "venv", "--clear", directory]).require()
    if packages:
        run([python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", *packages]).require()
    return python


def keep_environment(directory: Path, packages: list[Path]) -> Path:
    """As `make_environment`, but one that is there with the same packages is used again."""
    mark, wanted = directory / "packages.txt", "\n".join([sys.version, *(path.name for path in packages)])
    if mark.exists() and mark.read_text() == wanted:
        return directory / "bin" / "python"
    python = make_environment(directory, packages)
    mark.write_text(wanted)
    return python


def skip(reason: str) -> int:
    """Says on stderr that the script did not run, and why; returns the exit status for that."""
    print(f"skipped: {reason}", file=sys.stderr)
    return SKIPPED


def python_is_right() -> bool:
    """Whether this Python can use the pinned wheels."""
    return sys.version_info[:2] == (3, 11) and sys.platform == "linux" and os.uname().machine == "x86_64"


PYTHON_REASON = "the pinned wheels need CPython 3.11 on x86_64 Linux"
