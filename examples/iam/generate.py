"""The IAM documents that people install: ``python examples/iam/generate.py`` writes them.

``clickstream iam`` prints the same for an account and pipelines of one's own. ``--check`` writes
nothing and fails when a file is not current.
"""

# ruff: noqa: INP001 - a script, not a module of a package

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from clickstream_operator.cli import iam_documents as documents
from clickstream_operator.cli import iam_templates

HERE: Final = Path(__file__).parent
EXAMPLE: Final = documents.Installation()

FILES: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "operator-policy-bounded.json": partial(documents.bounded_policy, EXAMPLE.boundary),
    "operator-policy-without-iam.json": partial(documents.policy_without_iam, EXAMPLE.account),
    "permissions-boundary.json": documents.permissions_boundary,
    "trust-irsa.json": partial(documents.trust_irsa, EXAMPLE),
    "trust-pod-identity.json": partial(documents.trust_pod_identity, EXAMPLE),
    "cloudformation.json": partial(iam_templates.cloudformation, EXAMPLE),
    "terraform/main.tf.json": partial(iam_templates.terraform, EXAMPLE),
}


def main(arguments: list[str]) -> int:
    """Write the files, or tell which are not current."""
    stale = 0
    for name, make in FILES.items():
        text = json.dumps(make(), indent=2) + "\n"
        path = HERE / name
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"{path.name} is not current: run make iam\n")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
