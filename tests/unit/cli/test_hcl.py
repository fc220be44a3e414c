"""HCL that is written is read back as the same values, whatever they hold."""

from __future__ import annotations

from typing import Any

import hcl2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickstream_operator.cli.terraform.hcl import Block, Json, Raw, expression, text, written


def read(source: str) -> Any:
    """A file as another program reads it."""
    return hcl2.loads(source)


# The parser of the tests keeps a quoted string as it stands: what matters is that it ends where it
# should, and that no part of it is a template.
WORDS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=60, deadline=None)
@given(WORDS)
def test_any_string_is_one_string(value: str) -> None:
    """Quotes, lines, braces and templates end nothing and start nothing."""
    quoted = text(value)
    found = read(f"a = {quoted}\nb = 1\n")
    assert found["b"] == 1
    assert found.keys() - {"__comments__"} >= {"a", "b"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("${x}", '"$${x}"'),
        ("%{if}", '"%%{if}"'),
        ('a "b" \\ c', '"a \\"b\\" \\\\ c"'),
        ("two\nlines", '"two\\nlines"'),
        (True, "true"),
        (None, "null"),
        (1.0, "1"),
        (0.5, "0.5"),
        ([], "[]"),
        ({}, "{}"),
        ([1, 2], "[1, 2]"),
        ({"b", "a"}, '["a", "b"]'),
        (Raw("aws_sqs_queue.dlq.arn"), "aws_sqs_queue.dlq.arn"),
        (Json([]), "jsonencode([])"),
    ],
)
def test_values(value: Any, shown: str) -> None:
    """Each as Terraform has it."""
    assert expression(value) == shown


def test_a_value_that_has_no_expression_is_refused() -> None:
    """Nothing is written that Terraform would take for something else."""
    with pytest.raises(TypeError, match="no expression for object"):
        expression(object())


def test_blocks_are_laid_out_as_terraform_does_it() -> None:
    """Signs of equality below one another, blocks apart, keys that are no names in quotes."""
    block = Block(
        "resource",
        ("aws_sqs_queue", "dlq"),
        {"name": "dlq", "retention": 60, "tags": {"clickstream.dev/uid": "u", "Name": "x"}},
        [Block("inner", (), {"a": [{"b": 1}]}), Block("empty")],
    )
    assert written([block]) == (
        'resource "aws_sqs_queue" "dlq" {\n'
        '  name      = "dlq"\n'
        "  retention = 60\n"
        "  tags = {\n"
        '    "clickstream.dev/uid" = "u"\n'
        '    Name                  = "x"\n'
        "  }\n"
        "\n"
        "  inner {\n"
        "    a = [\n"
        "      {\n"
        "        b = 1\n"
        "      },\n"
        "    ]\n"
        "  }\n"
        "\n"
        "  empty {}\n"
        "}\n"
    )
    assert read(written([block]))["resource"]
