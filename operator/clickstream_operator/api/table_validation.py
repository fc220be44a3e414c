"""CEL rules for the billing of the tables."""

from __future__ import annotations

from typing import Final

from clickstream_operator.api.rule import Rule

CAPACITY: Final = tuple(
    Rule(
        f"!has(self.max{what}Units) || self.{what.lower()}Units <= self.max{what}Units",
        f"max{what}Units must not be less than {what.lower()}Units; raise it, or lower "
        f"{what.lower()}Units",
        f".max{what}Units",
    )
    for what in ("Read", "Write")
)

TABLES: Final = (
    Rule(
        "self.billingMode != 'Provisioned' || has(self.provisioned)",
        "provisioned is required with billingMode Provisioned; set readUnits and writeUnits, or "
        "billingMode: OnDemand",
        ".provisioned",
    ),
    Rule(
        "self.billingMode == 'Provisioned' || !has(self.provisioned)",
        "provisioned has a meaning only with billingMode Provisioned; remove it, or set "
        "billingMode: Provisioned",
        ".provisioned",
    ),
)
