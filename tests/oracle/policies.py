#!/usr/bin/env python3
"""Compares testdata/policy/policies.txt with the policy files of the installed auditwheel.

The unit tests of `crates/repair/src/policy` hold the Rust tables against that text in both
directions: what it says is allowed, and nothing else. This script holds the text against the
installed auditwheel. Together they say that truewheel's policies are auditwheel's.

    python3 tests/oracle/policies.py            compare; exit status 1 if they differ
    python3 tests/oracle/policies.py --write    write the text anew, to be read before it is kept
"""

import importlib.util
import json
import pathlib
import sys

TEXT = pathlib.Path(__file__).parents[2] / "testdata" / "policy" / "policies.txt"


def policies(family):
    """auditwheel's policies of a family, oldest system first; None if it is not installed."""
    spec = importlib.util.find_spec("auditwheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = pathlib.Path(spec.submodule_search_locations[0]) / "policy" / f"{family}-policy.json"
    found = [policy for policy in json.loads(path.read_text()) if policy["name"] != "linux"]
    return sorted(found, key=lambda policy: -policy["priority"])


def level(policy):
    return policy["name"].removeprefix("manylinux_")


def monotone(found):
    """Every policy contains all versions and libraries of the older ones of its architecture."""
    for older, newer in zip(found, found[1:]):
        assert set(older["lib_whitelist"]) <= set(newer["lib_whitelist"]), newer["name"]
        for arch, newer_versions in newer["symbol_versions"].items():
            for prefix, versions in older["symbol_versions"].get(arch, {}).items():
                assert set(versions) <= set(newer_versions[prefix]), (newer["name"], arch, prefix)


def manylinux_facts(found):
    """One line for each level, alias, provided library, forbidden symbol and version."""
    first_version, first_library, last_forbidden = {}, {}, {}
    lines = []
    for policy in found:
        at = level(policy)
        lines += [f"alias {alias} {at}" for alias in policy["aliases"]]
        for arch, families in policy["symbol_versions"].items():
            lines.append(f"level {arch} {at}")
            for prefix, versions in families.items():
                for version in versions:
                    first_version.setdefault((arch, f"{prefix}_{version}"), at)
        for soname in policy["lib_whitelist"]:
            first_library.setdefault(soname, at)
        for soname, symbols in policy["blacklist"].items():
            for symbol in symbols:
                last_forbidden[soname, symbol] = at
    lines += [f"provided {soname} {at}" for soname, at in first_library.items()]
    lines += [f"forbidden {soname} {symbol} {at}" for (soname, symbol), at in last_forbidden.items()]
    lines += [f"version {arch} {version} {at}" for (arch, version), at in first_version.items()]
    return lines


def musllinux_facts(found):
    """The same for musl, which has no versions."""
    lines = []
    for policy in found:
        at = policy["name"].removeprefix("musllinux_")
        lines += [f"musllinux-level {arch} {at}" for arch in policy["symbol_versions"]]
        lines += [f"musllinux-provided {soname} {at}" for soname in policy["lib_whitelist"]]
        for soname, symbols in policy["blacklist"].items():
            lines += [f"musllinux-forbidden {soname} {symbol} {at}" for symbol in symbols]
    return lines


def android_facts(found):
    """The libraries of each API level."""
    return [
        f"android-provided {soname} {policy['name'].removeprefix('android_')}"
        for policy in found
        for soname in policy["lib_whitelist"]
    ]


def all_facts(manylinux):
    lines = manylinux_facts(manylinux)
    lines += musllinux_facts(policies("musllinux"))
    lines += android_facts(policies("android"))
    # Stable: the levels of an architecture stay ascending.
    return sorted(lines, key=lambda line: line.split(" ")[:2])


def main():
    manylinux = policies("manylinux")
    if manylinux is None:
        print("skipped: auditwheel is not installed", file=sys.stderr)
        return 0
    monotone(manylinux)
    expected = all_facts(manylinux)
    if "--write" in sys.argv[1:]:
        TEXT.parent.mkdir(parents=True, exist_ok=True)
        TEXT.write_text("\n".join(expected) + "\n")
        return 0
    actual = TEXT.read_text().splitlines()
    for line in sorted(set(expected) - set(actual)):
        print(f"only auditwheel: {line}")
    for line in sorted(set(actual) - set(expected)):
        print(f"only truewheel: {line}")
    if actual != expected:
        return 1
    print(f"{len(actual)} facts agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
