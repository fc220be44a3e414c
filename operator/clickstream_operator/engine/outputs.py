"""Outputs of resources, by which one learns of another what only AWS can tell."""

from __future__ import annotations

from clickstream_operator.engine.resource import Outputs


class OutputPending(Exception):
    """A desired state needs an output that its dependency has not produced yet."""

    def __init__(self, resource: str, output: str) -> None:
        super().__init__(f"waiting for {resource}")
        self.resource = resource
        self.output = output


def output(outputs: Outputs, resource: str, key: str) -> str:
    """One output of a dependency.

    Raises:
        OutputPending: it is not known yet.
    """
    value = outputs.get(resource, {}).get(key)
    if value is None:
        raise OutputPending(resource, key)
    return value
