"""JSON logs: one line for each event, with pipeline and resource from the context."""

from __future__ import annotations

import logging
import sys

import structlog
import structlog.tracebacks


class _RepeatedRequests(logging.Filter):
    """Lowers a request that Kopf repeats to a warning: only the last attempt is an error.

    A new CRD is answered with 429, "storage is (re)initializing", for about a second: an ERROR at
    each first start would alarm for nothing.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record."""
        if record.name.startswith("kopf.") and "; will retry: " in record.getMessage():
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def configure(level: str) -> None:
    """Send structlog and the standard library's loggers to stderr as JSON lines.

    Libraries log at WARNING and above: Kopf logs whole bodies and botocore whole requests below.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        # Without local variables: they may hold events, credentials or whole requests.
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(_RepeatedRequests())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    # The status of a pipeline reports a role that can't be assumed; botocore logs a traceback for
    # each retry.
    logging.getLogger("botocore.credentials").setLevel(logging.ERROR)
    logging.getLogger("clickstream_operator").setLevel(level)
    # Writes to AWS are logged at every level.
    logging.getLogger("audit").setLevel(logging.INFO)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
