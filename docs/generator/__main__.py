"""Write the pages of the reference: ``python -m docs.generator``.

``--check`` writes nothing and fails when a page is not what the code says.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import click

from docs.generator.api import api_page
from docs.generator.cost import cost_page
from docs.generator.reasons import reasons_page
from docs.generator.resources import resources_page
from docs.generator.settings import settings_page
from tests.reliability.property_map import page as conformance_page

REFERENCE: Final = Path(__file__).parents[1] / "reference"
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "settings.md": settings_page,
    "reasons.md": reasons_page,
    "api.md": api_page,
    "resources.md": resources_page,
    "conformance.md": conformance_page,
    "cost.md": cost_page,
}


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a page is stale.")
def main(*, check: bool) -> None:
    """Write or check the generated pages."""
    stale = []
    for name, make in PAGES.items():
        path, text = REFERENCE / name, make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(f"docs/reference/{name}")
        if not check:
            path.write_text(text, encoding="utf-8")
    if check and stale:
        click.echo(f"{', '.join(stale)}: not what the code says: run make docs", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
