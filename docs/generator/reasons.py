"""The reasons that conditions, resources and Events carry."""

from __future__ import annotations

from clickstream_operator.api.reasons import MEANING
from docs.generator.markdown import page


def reasons_page() -> str:
    """One section for each reason."""
    sections = "\n".join(
        f"### {reason.value}\n\n{text}\n" for reason, text in sorted(MEANING.items())
    )
    return page(
        "Reasons",
        "Conditions, resources in the status, and Events carry one of these reasons.\n"
        "`kubectl describe csp <name>` shows them with a message that names the resource.\n"
        "[Troubleshooting](../how-to/troubleshoot.md) says where to look first.\n\n" + sections,
    )
