"""What a release writes into the chart: ``python charts/release.py --repository OWNER/NAME ...``.

Image and addresses are known only when the image is pushed. The registry stays a value of its own,
so that ``--set image.registry=...`` pulls the released image, by its digest, from a mirror.
Standard library only: the job that publishes the chart installs nothing.
"""

# ruff: noqa: INP001 - a script, not a module of a package

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Final

_CHART: Final = Path(__file__).parent / "clickstream-operator"
_REGISTRY: Final = "ghcr.io"


def main() -> None:
    """Write the files of the chart.

    Raises:
        ValueError: a file has not the one line that a value belongs into.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chart", type=Path, default=_CHART)
    parser.add_argument("--repository", required=True, help="OWNER/NAME at GitHub")
    parser.add_argument("--version", required=True)
    parser.add_argument("--digest", required=True, help="sha256:... of the image")
    given = parser.parse_args()
    chart: Path = given.chart
    image = {
        "registry": _REGISTRY,
        "repository": given.repository.lower(),
        "digest": given.digest,
    }
    for name, form in (("values.yaml", "  {}: "), ("files/defaults.yaml", "image.{}: ")):
        _fill(chart / name, {form.format(key): value for key, value in image.items()})
    about = chart / "Chart.yaml"
    text = about.read_text(encoding="utf-8")
    head, found, annotations = text.partition("annotations:\n")
    if not found:
        raise ValueError(f"{about} has no annotations")
    about.write_text(head + published(given) + found + annotated(given) + annotations, "utf-8")


def published(given: argparse.Namespace) -> str:
    """Fields of Chart.yaml that name the place of publication."""
    home = f"https://github.com/{given.repository}"
    raw = f"https://raw.githubusercontent.com/{given.repository}/v{given.version}"
    owner = given.repository.partition("/")[0]
    return (
        f"home: {home}\n"
        f"sources: [{home}]\n"
        f"icon: {raw}/charts/clickstream-operator/icon.svg\n"
        f"maintainers:\n  - name: {owner}\n    url: https://github.com/{owner}\n"
    )


def annotated(given: argparse.Namespace) -> str:
    """Annotations for Artifact Hub ("Annotations in charts" in its documentation)."""
    image = f"{_REGISTRY}/{given.repository.lower()}:{given.version}@{given.digest}"
    home = f"https://github.com/{given.repository}"
    documentation = f"{home}/blob/v{given.version}/docs/README.md"
    prerelease = "true" if given.version.startswith("0.") or "-" in given.version else "false"
    return (
        f"  artifacthub.io/images: |\n    - name: clickstream-operator\n      image: {image}\n"
        "      platforms: [linux/amd64, linux/arm64]\n"
        f"  artifacthub.io/links: |\n    - name: Documentation\n      url: {documentation}\n"
        f"    - name: Support\n      url: {home}/issues\n"
        f'  artifacthub.io/prerelease: "{prerelease}"\n'
    )


def _fill(path: Path, values: dict[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for begin, value in values.items():
        pattern = rf"^{re.escape(begin)}.*$"
        text, count = re.subn(
            pattern, f"{begin}{json.dumps(value)}", text, count=1, flags=re.MULTILINE
        )
        if not count:
            raise ValueError(f"{path} has no line {begin.strip()}")
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
