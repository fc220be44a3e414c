"""Steps of a cut-over from Terraform, as a script that a person reads and runs. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from clickstream_operator.cli.deployments.manifest import Import
from clickstream_operator.cli.deployments.model import Deployment

_INDENT = "  "


def turn_off(region: str, mapping: str, *, separator: str = " ") -> str:
    """The command that turns an event source mapping off; `separator` may continue the line."""
    command = f"aws lambda update-event-source-mapping --region {region}"
    return f"{command}{separator}--uuid {mapping} --no-enabled"


def steps(
    made: Import,
    found: Deployment,
    *,
    file: str,
    adopted: Sequence[str] = (),
    replaced: Sequence[str] = (),
    others: Sequence[str] = (),
) -> list[str]:
    """Lines of a shell script: look, cut over, take out of the state, apply, remove.

    Without addresses nothing is said of Terraform.
    """
    start = made.body["spec"]["processor"]["startingPosition"]["timestamp"]
    manifest = shlex.quote(file)
    lines = [
        "# 1. See what changes. Nothing that holds data is made anew.",
        f"clickstream plan -f {manifest}",
    ]
    lines += ["", *_cut_over(found, start)]
    if adopted:
        lines += [
            "",
            "# 3. Take what is adopted out of Terraform's state: it must not destroy it.",
            "terraform state rm \\",
            *_continued(adopted),
        ]
    lines += [
        "",
        f"# {4 if adopted else 3}. Apply. What is adopted gets tags and settings; its data stays.",
        f"kubectl apply -f {manifest}",
        f"kubectl wait --for=condition=Ready csp/{made.name} -n {made.namespace} --timeout=10m",
    ]
    if adopted:
        lines += ["", *_removal(replaced, others)]
    return lines


def _cut_over(found: Deployment, start: str) -> Iterator[str]:
    yield "# 2. Cut over: the old mappings off. Producers go on, Kinesis keeps their records."
    yield f"#    The pipeline counts from {start} on, which the manifest records."
    yield "#    Nothing is lost if the old functions had got as far as that when they stopped."
    yield "#    Counted twice is what came after it and the old functions still processed: the"
    yield "#    sooner this step follows, the less. `clickstream plan` then says how much at most."
    if not found.functions:
        yield "#    No mapping of the recipe reads the stream."
    for one in found.functions:
        yield f"#    {one.name}:"
        yield turn_off(found.region, one.mapping, separator=f" \\\n{_INDENT}")


def _removal(replaced: Sequence[str], others: Sequence[str]) -> Iterator[str]:
    yield "# 5. Once the pipeline is Ready, the rest of the recipe may go. Terraform may remove:"
    yield from (f"#    {one}" for one in replaced)
    if others:
        yield f"#    The state has {len(others)} more, of something else, which must stay:"
        yield from (f"#    {one}" for one in others)
        yield "#    so destroy by target, never everything:"
        yield "terraform destroy \\"
        yield from _continued([f"-target={one}" for one in replaced])
    else:
        yield "terraform destroy"


def _continued(words: Sequence[str]) -> list[str]:
    """Words of a command, one a line."""
    lines = [f"{_INDENT}{shlex.quote(one)}" for one in words]
    return [*(f"{line} \\" for line in lines[:-1]), *lines[-1:]]
