"""Bill of materials of the packages in the image, in CycloneDX's JSON.

`python -m sandbox.image.bom` writes `locks/operator.cdx.json` from `locks/operator.txt`;
``--check`` compares. It depends on the lock alone: no clock, no network, no random serial number.
The lock has the hashes; which of a release's files a platform installs is not known here.

Format: "CycloneDX v1.6 JSON Reference". Names: "Package URL specification", type pypi.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
import uuid
from typing import Any, Final

from sandbox.image.builder import NAME, ROOT

LOCK: Final = ROOT / "locks" / "operator.txt"
BOM: Final = ROOT / "locks" / "operator.cdx.json"
_PIN: Final = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)")
_NAMESPACE: Final = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562, of URLs


def packages(lock: str) -> dict[str, tuple[str, set[str]]]:
    """Version and dependants of each package in a lock of `uv pip compile`."""
    found: dict[str, tuple[str, set[str]]] = {}
    for line in lock.splitlines():
        if pin := _PIN.match(line):
            dependants: set[str] = set()
            found[pin[1]] = (pin[2], dependants)
        elif via := re.match(r"^    #(?: via| {2}) +(\S+)", line):
            dependants.add(via[1])
    return found


def document(lock: str, version: str) -> dict[str, Any]:
    """Return the bill of materials of a lock."""
    locked = packages(lock)
    root = f"pkg:pypi/{NAME}@{version}"
    references = {name: f"pkg:pypi/{name}@{pinned}" for name, (pinned, _) in locked.items()}
    references[NAME] = root
    needs: dict[str, list[str]] = {reference: [] for reference in references.values()}
    for name, (_, dependants) in locked.items():
        for dependant in dependants:
            needs[references[dependant]].append(references[name])
    body: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": NAME,
                "version": version,
                "purl": root,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": [
            {
                "type": "library",
                "bom-ref": references[name],
                "name": name,
                "version": pinned,
                "purl": references[name],
            }
            for name, (pinned, _) in sorted(locked.items())
        ],
        "dependencies": [
            {"ref": reference, "dependsOn": sorted(needs[reference])} for reference in sorted(needs)
        ],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(body, sort_keys=True))
    return {**body, "serialNumber": f"urn:uuid:{serial}"}


def text() -> str:
    """Contents that the file must have."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return json.dumps(document(LOCK.read_text(), project["version"]), indent=2) + "\n"


def main() -> None:
    """Write the file, or compare it."""
    wanted = text()
    if "--check" not in sys.argv[1:]:
        BOM.write_text(wanted)
    elif not BOM.exists() or BOM.read_text() != wanted:
        print(f"{BOM.relative_to(ROOT)} is not current: run `make bom`", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
