"""What every test shares."""

import structlog

# Through the standard library's loggers, so that a failing test shows warnings, not audit lines.
structlog.configure(logger_factory=structlog.stdlib.LoggerFactory())
