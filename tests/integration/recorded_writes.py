"""AWS writes of one run, kept as JSON, and made again on another AWS.

What AWS makes up (ids, addresses, the uid of the object) differs from run to run: it is replaced in
all that follows. Function packages are kept by name; random secrets are not kept at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

#: Shorter strings in an answer are words like ``Creating``, not names.
_SHORTEST_NAME: Final = 20
_KEY_DIGITS: Final = 16
_NOT_KEPT: Final = {("ssm", "put_parameter"): {"Value": "not kept"}}


def kept(
    service: str,
    operation: str,
    parameters: Mapping[str, Any],
    answer: Mapping[str, Any],
    packages: Mapping[bytes, str],
) -> dict[str, Any]:
    """One write that AWS accepted, as JSON; `packages` are names by content."""
    encoded = {name: _encode(value, packages) for name, value in parameters.items()}
    names = dict(_names({key: one for key, one in answer.items() if key != "ResponseMetadata"}))
    return {
        "service": service,
        "operation": operation,
        "parameters": encoded | _NOT_KEPT.get((service, operation), {}),
        "names": names,
    }


def replay(
    writes: list[dict[str, Any]],
    client: Callable[[str], Any],
    packages: Mapping[str, bytes],
    renamed: dict[str, str],
    learn_names: Callable[[dict[str, Any]], Mapping[str, str]],
) -> None:
    """Make each write again; `renamed` is what was called otherwise, and grows.

    `learn_names` gives further new names after a write.
    """
    for one in writes:
        parameters = rename(one["parameters"], renamed)
        if one["operation"] == "put_object":
            # Its key is a hash of its content, in which there are names.
            renamed |= _digests(one["parameters"], parameters)
            parameters = rename(parameters, renamed)
        decoded = {name: _decode(value, packages) for name, value in parameters.items()}
        answer = getattr(client(one["service"]), one["operation"])(**decoded)
        new = dict(_names(answer))
        renamed |= {
            old: new[path] for path, old in one["names"].items() if new.get(path, old) != old
        }
        renamed |= learn_names(one)


def rename(value: Any, renamed: Mapping[str, str]) -> Any:
    """A JSON value with the new names in it."""
    text = json.dumps(value)
    for old, new in renamed.items():
        text = text.replace(old, new)
    return json.loads(text)


def _digests(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    before, after = (
        hashlib.sha256(one["Body"]["$text"].encode()).hexdigest()[:_KEY_DIGITS]
        for one in (old, new)
    )
    assert before in old["Key"]
    return {before: after}


def _encode(value: Any, packages: Mapping[bytes, str]) -> Any:
    match value:
        case bytes() if value in packages:
            return {"$package": packages[value]}
        case bytes():
            return {"$text": value.decode()}
        case datetime():
            return {"$time": value.isoformat()}
        case dict():
            return {name: _encode(one, packages) for name, one in value.items()}
        case list() | tuple():
            return [_encode(one, packages) for one in value]
        case _:
            return value


def _decode(value: Any, packages: Mapping[str, bytes]) -> Any:
    match value:
        case {"$package": name}:
            return packages[name]
        case {"$text": text}:
            return text.encode()
        case {"$time": text}:
            return datetime.fromisoformat(text)
        case dict():
            return {name: _decode(one, packages) for name, one in value.items()}
        case list():
            return [_decode(one, packages) for one in value]
        case _:
            return value


def _names(answer: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(answer, Mapping):
        for key, one in answer.items():
            yield from _names(one, f"{path}.{key}")
    elif isinstance(answer, str) and len(answer) >= _SHORTEST_NAME:
        yield path, answer
