"""Forms and CEL rules of the collector's fields."""

from __future__ import annotations

from typing import Final

from clickstream_operator.api.rule import Form, Rule

ORIGIN: Final = Form(
    r"https?://([*][.])?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?",
    "an origin in lower case without a path, for example https://www.example.com, or "
    "https://*.example.com for all below a domain",
)
SCRIPT_PATH: Final = Form(
    r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+[.]js",
    "a path that ends in .js, for example /clickstream.js",
)
SECRET_ARN: Final = Form(
    r"arn:aws[a-z-]*:(ssm:[a-z0-9-]+:[0-9]{12}:parameter/[A-Za-z0-9_./-]+|"
    r"secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6})",
    "the whole ARN of an SSM parameter or a Secrets Manager secret, for example "
    "arn:aws:ssm:eu-west-1:123456789012:parameter/collector/tokens",
)
HEADER: Final = Form(
    "[a-z0-9-]{1,64}", "the name of a header in lower case, for example x-origin-secret"
)

COLLECTOR: Final = (
    Rule(
        "!self.enabled || (has(self.allowedOrigins) && size(self.allowedOrigins) > 0)",
        "allowedOrigins is required with enabled: true; list the origins whose pages send, for "
        "example https://www.example.com",
        ".allowedOrigins",
    ),
)
VISITOR: Final = Rule(
    "!has(self.collector) || !self.collector.enabled || self.collector.visitor == 'Session' || "
    "self.privacy.userId != 'Drop'",
    "privacy.userId: Drop keeps nothing made from the ids of users, so collector.visitor can only "
    "be Session; choose it, or Hash",
    ".collector.visitor",
)
