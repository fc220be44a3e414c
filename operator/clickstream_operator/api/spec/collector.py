"""Fields for the collector, the function that takes events over HTTPS."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from clickstream_operator.api import collector_validation as rules
from clickstream_operator.api.model import Model
from clickstream_operator.api.spec.fields import (
    HeaderName,
    MemberPath,
    Origin,
    ScriptPath,
    SecretArn,
    set_list,
    validations,
)


class Collector(Model):
    """A function behind a URL that takes events from pages and servers."""

    model_config = ConfigDict(json_schema_extra=validations(*rules.COLLECTOR))

    enabled: bool = False
    """Whether there is a public URL that takes events over HTTPS. Default false, free to change. Example: true."""
    allowed_origins: list[Origin] = set_list(max_items=50)
    """Origins whose pages may send, exact or all below a domain; needed with enabled. Default none, free to change. Example: ["https://www.example.com", "https://*.example.org"]."""
    memory_mib: int = Field(default=256, ge=128, le=10240)
    """Memory of the function in MiB; CPU grows with it. Default 256, free to change. Example: 512."""
    reserved_concurrency: int = Field(default=10, ge=1, le=1000)
    """Concurrent executions, which bound requests and bill: at most ten requests a second for each; the account must keep 100 unreserved. Default 10, free to change. Example: 50."""
    respect_global_privacy_control: bool = True
    """Whether browsers that send Sec-GPC: 1 are left alone: answered, counted, and nothing kept. Default true, free to change. Example: false."""
    consent: MemberPath | None = None
    """Member that must be true: of consent in a page's request, of each event of a server. Unset: no consent is asked for. Free to change. Example: analytics."""
    visitor: Literal["Cookieless", "Session", "UserId"] = "Session"
    """Whom a page's events count for beside their session: a pseudonym of the day from site, address and user agent, nobody, or the user whom the page names. Default Session, free to change. Example: Cookieless."""
    path: ScriptPath = "/clickstream.js"
    """Path to which pages send; the picture for pages without script has .gif in place of .js. Default /clickstream.js, free to change. Example: /assets/t.js."""
    tokens_secret_arn: SecretArn | None = None
    """SSM parameter or Secrets Manager secret with the tokens of servers, one a line, each of at least 16 characters, allowed by the operator's settings. Unset: servers may not send. Free to change. Example: arn:aws:ssm:eu-west-1:123456789012:parameter/collector/tokens."""
    origin_secret_arn: SecretArn | None = None
    """Secret, like tokensSecretArn, that a CDN in front sends in originHeader; then nothing else is taken, and its headers tell address and country. Unset by default, free to change. Example: arn:aws:secretsmanager:eu-west-1:123456789012:secret:edge-AbCdEf."""
    origin_header: HeaderName = "x-origin-secret"
    """Header of the secret in originSecretArn. Default x-origin-secret, free to change. Example: x-edge-key."""
