"""Watched file of the tenants: the last good version stays in force while a new one is broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import structlog

from clickstream_operator.tenants.grants import Grants
from clickstream_operator.tenants.model import Tenants, TenantsError, parse

log = structlog.get_logger(__name__)

OnState = Callable[[bool], None]


class TenantsSource:
    """The tenants of a file, read again by `refresh`; without a file the defaults.

    `problem` is why the file on disk is not in force, or empty. Before a first good version nothing
    is allowed. `on_state` is told after each read whether the file is good.
    """

    def __init__(self, path: Path | None = None, *, on_state: OnState = lambda _good: None) -> None:
        self._path = path
        self._on_state = on_state
        self._text: str | None = None
        self._current: Tenants | None = Tenants() if path is None else None
        self.problem = ""
        self.refresh()

    @classmethod
    def fixed(cls, tenants: Tenants) -> TenantsSource:
        """A source that never changes."""
        source = cls()
        source._current = tenants
        return source

    @property
    def loaded(self) -> bool:
        """Whether a version is in force."""
        return self._current is not None

    @property
    def former_clusters(self) -> tuple[str, ...]:
        """Cluster ids whose restored pipelines are this cluster's."""
        return self._current.former_clusters if self._current else ()

    def grants(self, namespace: str) -> Grants:
        """Grants of a namespace by the version in force."""
        if self._current is None:
            return Grants(namespace, None)
        return Grants.of(self._current, namespace)

    def refresh(self) -> bool:
        """Read the file again; True when another version is in force than before."""
        if self._path is None:
            return False
        try:
            text = self._path.read_text(encoding="utf-8")
            if text == self._text and not self.problem:
                return False
            parsed = parse(text)
        except (OSError, UnicodeDecodeError, TenantsError) as error:
            self._refuse(error)
            return False
        self._text, self.problem = text, ""
        self._on_state(True)
        changed = parsed != self._current
        self._current = parsed
        log.info("tenants read", path=str(self._path), entries=len(parsed.tenants), changed=changed)
        return changed

    def _refuse(self, error: Exception) -> None:
        kept = "the last good version stays in force" if self.loaded else "nothing is allowed"
        problem = f"CLICKSTREAM_TENANTS={self._path}: {error}; {kept}: correct the file"
        if problem != self.problem:
            log.error("tenants refused", why=problem)
        self.problem = problem
        self._on_state(False)
