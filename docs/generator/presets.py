"""The mapping of each preset."""

from __future__ import annotations

from clickstream_operator.api.presets import ORIGINAL, PRESETS, Preset
from docs.generator.markdown import code, page, table


def presets_page() -> str:
    """One section for each preset: a row a field, in the order of choice."""
    sections = "\n".join(_section(name, preset) for name, preset in PRESETS.items())
    return page(
        "Presets",
        "What `spec.events.preset` fills in, where the spec says nothing itself. "
        "[Producers](../how-to/producers.md) says what each leaves out.\n\n" + sections,
    )


def _section(name: str, preset: Preset) -> str:
    fields = {**ORIGINAL, **preset.fields}
    rows = [
        (code(f"fields.{field}"), ", then ".join(code(one) for one in path.split(" | ")))
        for field, path in fields.items()
    ]
    rows += [
        ("`pageViewTypes`", ", ".join(code(one) for one in preset.page_view_types)),
        ("`unwrap`", ", ".join(code(one) for one in preset.unwrap) or "nothing"),
        ("`time`", code(preset.time)),
    ]
    return f"## {name}\n\n{table(('field', 'filled with'), rows)}"
