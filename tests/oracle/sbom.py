#!/usr/bin/env python3
"""Holds SBOMs against CycloneDX's own JSON schema, in its strict form, and their package URLs against the
reference implementation.

    python3 tests/oracle/sbom.py FILE...    exit status 1 if one is wrong, 77 if that cannot be told

Needs cyclonedx-python-lib[json-validation], which carries the schemas and packageurl.
"""

import json
import pathlib
import sys


def references(document):
    """Every bom-ref once, and no reference to anything else."""
    listed = [document["metadata"]["component"], *document["components"]]
    known = [component["bom-ref"] for component in listed]
    assert len(set(known)) == len(known), "a bom-ref is there twice"
    for entry in document["dependencies"]:
        for reference in (entry["ref"], *entry.get("dependsOn", [])):
            assert reference in known, f"{reference} is no component"
    return listed


def main():
    try:
        from cyclonedx.schema import SchemaVersion
        from cyclonedx.validation.json import JsonStrictValidator
        from packageurl import PackageURL
    except ImportError as error:
        print(f"{error}", file=sys.stderr)
        return 77
    for path in map(pathlib.Path, sys.argv[1:]):
        text = path.read_text(encoding="utf-8")
        document = json.loads(text)
        version = SchemaVersion.from_version(document["specVersion"])
        fault = JsonStrictValidator(version).validate_str(text)
        if fault is not None:
            print(f"{path.name}: {fault}")
            return 1
        for component in references(document):
            purl = component.get("purl")
            if purl is not None and PackageURL.from_string(purl).to_string() != purl:
                print(f"{path.name}: {purl} is {PackageURL.from_string(purl)}")
                return 1
    print(f"{len(sys.argv) - 1} documents are as the schema says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
