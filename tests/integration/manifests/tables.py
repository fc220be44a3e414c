"""Tables of the fields and rules of the CRD, written by hand from the API's design.

A test holds them against the CRD, so that no bound goes untried.
"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.integration.manifests.objects import Json

ROOT = Path(__file__).parents[3]
CRD = ROOT / "crds" / "clickstreampipelines.yaml"


def table(name: str) -> Any:
    """Read one table."""
    return yaml.safe_load((Path(__file__).parent / f"{name}.yaml").read_text())


NUMBERS: dict[str, Json] = table("numbers")
CHOICES: dict[str, Json] = table("choices")
FORMS: dict[str, Json] = table("texts")["forms"]
TEXTS: dict[str, Json] = {
    path: FORMS[row["form"]] if "form" in row else row
    for path, row in table("texts")["fields"].items()
}
LISTS: dict[str, Json] = table("lists")
REQUIRED: list[Json] = table("required")
RULES: list[Json] = table("rules")
UPDATES: list[Json] = table("updates")
DEFAULTS: Json = table("defaults")


@cache
def spec_schema() -> Json:
    """Return the schema of spec in the committed CRD."""
    loaded = yaml.load(CRD.read_text(), yaml.CSafeLoader)
    schema: Json = loaded["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema
