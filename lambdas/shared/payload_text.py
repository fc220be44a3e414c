"""The text of a record's bytes, and the JSON values in it."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BETWEEN: Final = " \t\r\n\x00\x1e\ufeff"
"""Signs that may stand between JSON values: white space, NUL, a byte order mark, and the mark that
begins a value in RFC 7464."""
_SPACE: Final = re.compile(f"[{_BETWEEN}]*")


def decode_text(data: bytes) -> str | None:
    """Return UTF-8 as text, without byte order mark and NULs around it; None for other bytes.

    Of UTF-8 that ends within a character, which happens where it was cut, the rest is text.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return None
        text = data[: error.start].decode()
    return text.strip("\0\ufeff")


def is_binary(text: str) -> bool:
    """Return whether text holds a control character but tab, CR and LF."""
    return _CONTROL.search(text) is not None


class Unparsed:
    """One line of newline-separated JSON that is not JSON."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class JsonValues:
    """Reads the JSON values that stand for events in a text."""

    def __init__(self) -> None:
        self._decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite_float)

    def parse(self, text: str) -> Any:
        """Return the one value of a JSON text.

        Raises:
            ValueError: it is no JSON.
            RecursionError: it nests too deeply.
        """
        return self._decoder.decode(text)

    def read(self, text: str, most: int) -> list[Any] | None:
        """Return the values of a text; None if it is no JSON.

        The elements of an array; one value; objects one behind the other, on lines or without
        anything between them. JSON text that holds an array or an object is that. A line that is
        no JSON stands as `Unparsed` among the others. Of more than `most` lines the first
        `most` + 1 are returned.

        Raises:
            RecursionError: the text nests too deeply.
        """
        try:
            value = self._unwrapped(self._decoder.decode(text))
        except ValueError:
            return self._objects(text, most) or self._lines(text, most)
        return value if isinstance(value, list) else [value]

    def _unwrapped(self, value: Any) -> Any:
        """Return a value, or the array or object that it is the JSON text of."""
        inner = value
        while isinstance(inner, str) and inner.lstrip()[:1] in ("{", "[", '"'):
            try:
                inner = self._decoder.decode(inner)
            except ValueError:
                return value
        return inner if isinstance(inner, dict | list) else value

    def _objects(self, text: str, most: int) -> list[Any] | None:
        """Return the objects that a text consists of; None if there is anything else in it."""
        values: list[Any] = []
        position = _skip(text, 0)
        while position < len(text) and len(values) <= most:
            if text[position] != "{":
                return None
            try:
                value, position = self._decoder.raw_decode(text, position)
            except ValueError:
                return None
            values.append(value)
            position = _skip(text, position)
        return values or None

    def _lines(self, text: str, most: int) -> list[Any] | None:
        """Return the values of lines; None when no line is an object."""
        lines = [line for line in text.split("\n") if line.strip(_BETWEEN)]
        if len(lines) < 2:  # noqa: PLR2004 - one is no list
            return None
        values: list[Any] = []
        for line in lines[: most + 1]:
            values += self._line(line, most)
        return values if any(isinstance(value, dict) for value in values) else None

    def _line(self, line: str, most: int) -> list[Any]:
        try:
            return [self._decoder.decode(line.strip(_BETWEEN))]
        except RecursionError:
            return [Unparsed(line)]
        except ValueError:
            return self._objects(line, most) or [Unparsed(line)]


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite_float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number beyond double precision")
    return value
