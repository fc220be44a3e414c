"""Rows of the collector."""

from __future__ import annotations

from typing import Any, Final

from tests.reliability.property_map.row import Row, Spec, aws_row

_ORIGIN: Final = "https://www.example.com"
_COLLECTOR: Final[Spec] = {"collector": {"enabled": True, "allowedOrigins": [_ORIGIN]}}
_TOKENS: Final = "arn:aws:ssm:eu-west-1:123456789012:parameter/collector/tokens"
_EDGE: Final = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:edge-AbCdEf"
_STATEMENT: Final = "Statement[?Sid=='{}'].Resource[]"


def _setting(field: str, value: Any, *, before: Any, after: Any) -> Row:
    """A row of what the function is told."""
    return aws_row(f"collector.{field}", "collector.environment", value, part="CLICKSTREAM_CONFIG",
                   document=f"collector.{field}", before=before, after=after,
                   given=_COLLECTOR)  # fmt: skip


ROWS: Final = [
    aws_row("collector.enabled", "collector", True, before=None, after=True, alone=True,
            also={"collector": {"allowedOrigins": [_ORIGIN]}}),
    aws_row("collector.enabled", "collector-url", True, before=None, after=True, alone=True,
            also={"collector": {"allowedOrigins": [_ORIGIN]}}),
    aws_row("collector.allowedOrigins", "collector-url.cors.allowOrigins",
            [_ORIGIN, "https://shop.example.com"], given=_COLLECTOR, before=[_ORIGIN],
            after=["https://shop.example.com", _ORIGIN]),
    _setting("allowedOrigins", ["https://*.example.com"], before=[_ORIGIN],
             after=["https://*.example.com"]),
    aws_row("collector.memoryMiB", "collector.memoryMiB", 512, before=256, after=512,
            given=_COLLECTOR),
    aws_row("collector.reservedConcurrency", "collector.reservedConcurrency", 20, before=10,
            after=20, given=_COLLECTOR),
    _setting("respectGlobalPrivacyControl", False, before=True, after=False),
    _setting("consent", "analytics", before=None, after="analytics"),
    _setting("visitor", "UserId", before="Session", after="UserId"),
    aws_row("collector.visitor", "collector-role.inlinePolicies", "Cookieless",
            part="Statement[?Sid=='clickstreamHashKey'].Action[]", given=_COLLECTOR, before=[],
            after=["ssm:GetParameter"]),
    _setting("path", "/t.js", before="/clickstream.js", after="/t.js"),
    _setting("originHeader", "x-edge", before="x-origin-secret", after="x-edge"),
    _setting("tokensSecretArn", _TOKENS, before=None, after=_TOKENS),
    _setting("originSecretArn", _EDGE, before=None, after=_EDGE),
    aws_row("collector.tokensSecretArn", "collector-role.inlinePolicies", _TOKENS,
            part=_STATEMENT.format("clickstreamParameters"), given=_COLLECTOR, before=[],
            after=[_TOKENS]),
    aws_row("collector.originSecretArn", "collector-role.inlinePolicies", _EDGE,
            part=_STATEMENT.format("clickstreamSecrets"), given=_COLLECTOR, before=[],
            after=[_EDGE]),
]  # fmt: skip
