"""Times truewheel beside auditwheel on the founding wheel, in one run, taking turns.

usage: bench.py [--truewheel PATH] [--rounds N] [--wheel WHEEL --lib-path DIR]

Every run is a fresh process that starts without any cache of truewheel's; the page cache is left as it is, warmed by
one run of each that is not counted. The threads are set by TRUEWHEEL_THREADS. Time is the wall clock of the whole
process; CPU and peak memory include children (peak: the largest single process). Prints a Markdown table.
Exit status 1: a tool failed, or truewheel's bytes depend on the number of threads or on the round.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import fetch
import founding_build
from processes import PYTHON_REASON, Run, python_is_right, run, skip


@dataclass
class Subject:
    """One tool with its settings, and what its runs gave."""

    name: str
    command: list
    environment: dict
    runs: list[Run] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)
    size: int = 0
    unpacked: int = 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truewheel", type=Path, help="the program; without it auditwheel is timed alone")
    parser.add_argument("--rounds", type=int, default=5, help="counted runs of each (default 5)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="the larger number of threads")
    parser.add_argument("--wheel", type=Path, help="another wheel than the founding one")
    parser.add_argument("--lib-path", type=Path, help="where that wheel's libraries are")
    return parser.parse_args()


def subjects(options: argparse.Namespace) -> list[Subject]:
    tools = founding_build.patchelf().parent
    found = []
    if options.truewheel is not None:
        command = [options.truewheel.absolute(), "repair"]
        if options.lib_path:
            command += ["--lib-path", options.lib_path]
        for threads in sorted({1, options.threads}):
            name = f"truewheel, {threads} thread{'s' * (threads > 1)}"
            found.append(Subject(name, command, {"TRUEWHEEL_THREADS": str(threads)}))
    environment = {"PATH": f"{tools}:/usr/bin:/bin"}
    if options.lib_path:
        environment["LD_LIBRARY_PATH"] = str(options.lib_path)
    version = next(pin.requirement.split("==")[1] for pin in fetch.pins("peer") if "auditwheel" in pin.name)
    found.append(Subject(f"auditwheel {version}", [tools / "auditwheel", "repair"], environment))
    return found


def one_run(subject: Subject, wheel: Path, scratch: Path, counted: bool) -> None:
    """Runs one tool once, in directories of its own."""
    output, cache = scratch / "out", scratch / "cache"
    for directory in (output, cache):
        shutil.rmtree(directory, ignore_errors=True)
    environment = {**subject.environment, "TRUEWHEEL_CACHE_DIR": str(cache), "SOURCE_DATE_EPOCH": "1700000000"}
    done = run([*subject.command, "-w", output, wheel], **environment).require()
    written = list(output.glob("*.whl"))
    if len(written) != 1:
        raise SystemExit(f"{subject.name} wrote {len(written)} wheels")
    subject.digests.add(fetch.sha256(written[0]))
    subject.size = written[0].stat().st_size
    with zipfile.ZipFile(written[0]) as archive:
        subject.unpacked = sum(member.file_size for member in archive.infolist())
    if counted:
        subject.runs.append(done)


def table(found: list[Subject], wheel: Path) -> str:
    """The result as Markdown; ratios are against the last subject, the peer."""
    peer = found[-1]
    lines = [
        f"{wheel.name}, {wheel.stat().st_size:,} bytes; {len(peer.runs)} rounds, taking turns; "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end",
        "",
        "| tool | best s | median s | times as fast (best / median) | CPU s | peak MiB | wheel bytes | unpacked |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for subject in found:
        times = [done.seconds for done in subject.runs]
        best, median = min(times), statistics.median(times)
        peer_times = [done.seconds for done in peer.runs]
        ratios = f"{min(peer_times) / best:.1f} / {statistics.median(peer_times) / median:.1f}"
        cpu = min(done.cpu for done in subject.runs)
        peak = max(done.peak for done in subject.runs) / 2**20
        lines.append(
            f"| {subject.name} | {best:.3f} | {median:.3f} | {ratios} | {cpu:.2f} | {peak:.0f} "
            f"| {subject.size:,} ({subject.size / peer.size:.3f}) | {subject.unpacked:,} |"
        )
    return "\n".join(lines)


def main() -> int:
    options = arguments()
    if not python_is_right():
        return skip(PYTHON_REASON)
    _, missing = fetch.fetch("peer")
    if missing:
        return skip("; ".join(f"{name}: {reason}" for name, reason in missing.items()))
    wheel = options.wheel or founding_build.built_wheel()
    if wheel is None:
        return skip("the founding wheel is not built yet: run founding_case.py first")
    found = subjects(options)
    with tempfile.TemporaryDirectory(dir=fetch.cache_directory()) as scratch:
        for subject in found:
            one_run(subject, wheel, Path(scratch), counted=False)
        for _ in range(options.rounds):
            for subject in found:
                one_run(subject, wheel, Path(scratch), counted=True)
    print(table(found, wheel))
    digests = set().union(*(s.digests for s in found if s.name.startswith("truewheel")))
    if options.truewheel is not None:
        runs = sum(len(s.runs) + 1 for s in found if s.name.startswith("truewheel"))
        same = len(digests) == 1
        print(f"\ntruewheel's bytes in {runs} runs: {'all equal' if same else 'DIFFERENT'}: {sorted(digests)}")
        return 0 if same else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
