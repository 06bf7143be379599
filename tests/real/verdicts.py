"""Checks published wheels and holds the verdicts against the table in `verdicts.toml`.

The table says for each wheel what auditwheel's `show` says of it, what `truewheel check` says, and why the two
differ where they do. Wheels that cannot be had are counted as skipped.

usage: verdicts.py --truewheel PATH
"""

import argparse
import json
import subprocess
import sys
import tomllib
from pathlib import Path

from fetch import Pin, fetch_one

TABLE = Path(__file__).with_name("verdicts.toml")


def verdict(program: str, wheel: Path) -> tuple[str, list[str]]:
    """The earned tag, empty for none, and the codes of errors."""
    done = subprocess.run([program, "check", "--json", str(wheel)], capture_output=True, text=True)
    report = json.loads(done.stdout)
    codes = {finding["code"] for finding in report["findings"] if finding["severity"] == "error"}
    if report["passed"] != (not codes) or (done.returncode == 0) != report["passed"]:
        raise SystemExit(f"{wheel.name}: status {done.returncode} and the findings contradict each other")
    return report["earned"] or "", sorted(codes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truewheel", required=True)
    program = parser.parse_args().truewheel
    rows = tomllib.loads(TABLE.read_text())["wheel"]
    wrong, skipped, agree = [], 0, 0
    for row in rows:
        pin = Pin(row["name"], row["requirement"], row["sha256"], ())
        reason = fetch_one(pin)
        if reason is not None:
            print(f"skipped: {pin.name}: {reason}", file=sys.stderr)
            skipped += 1
            continue
        found = verdict(program, pin.path)
        if found != (row["earned"], row["errors"]):
            wrong.append(f"{pin.name}: {found}, the table says {(row['earned'], row['errors'])}")
        same = row["earned"] == row["auditwheel"] and not row["errors"]
        if not same and "why" not in row:
            wrong.append(f"{pin.name}: differs from auditwheel, and the table does not say why")
        agree += same
    print(f"{len(rows) - skipped} wheels, {agree} as auditwheel, {len(wrong)} wrong, {skipped} skipped")
    for line in wrong:
        print(f"wrong: {line}")
    if skipped == len(rows):
        return 77
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
