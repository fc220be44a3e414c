"""Write the pages of the reference, and the pictures in others: ``python -m docs.generator``.

``--check`` writes nothing and fails when a page is not what the code says.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import click

from docs.generator.api import api_page
from docs.generator.cli import cli_page
from docs.generator.conformance import conformance_page
from docs.generator.cost import cost_page
from docs.generator.dashboard_picture import dashboard_picture
from docs.generator.markdown import with_pictures
from docs.generator.operator_policy import operator_policy
from docs.generator.packages import packages_picture
from docs.generator.presets import presets_page
from docs.generator.reasons import reasons_page
from docs.generator.resources import resources_page
from docs.generator.settings import settings_page
from docs.generator.states import states_picture

DOCS: Final = Path(__file__).parents[1]
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "reference/settings.md": settings_page,
    "reference/presets.md": presets_page,
    "reference/reasons.md": reasons_page,
    "reference/api.md": api_page,
    "reference/resources.md": resources_page,
    "reference/operator-policy.json": operator_policy,
    "reference/conformance.md": conformance_page,
    "reference/cost.md": cost_page,
    "reference/cli.md": cli_page,
    "images/dashboard.svg": dashboard_picture,
    "concepts/how-it-works.md": lambda: with_pictures(
        (DOCS / "concepts/how-it-works.md").read_text(encoding="utf-8"),
        {"packages": packages_picture, "states": states_picture},
    ),
}


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a page is stale.")
def main(*, check: bool) -> None:
    """Write or check the generated pages."""
    stale = []
    for name, make in PAGES.items():
        path, text = DOCS / name, make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(f"docs/{name}")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if check and stale:
        click.echo(f"{', '.join(stale)}: not what the code says: run make docs", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
