"""Edge to AWS: sessions, calls and their errors; only it knows boto3."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from clickstream_operator.aws.calls import Calls
from clickstream_operator.aws.errors import AwsError, Category

if TYPE_CHECKING:
    from clickstream_operator.aws.session_pool import SessionPool

__all__ = [
    "AwsError",
    "Calls",
    "Category",
    "SessionPool",
]

_MODULES: Final = {
    "SessionPool": "session_pool",
}
"""Module of each name that loads an SDK: imported when it is asked for, because most modules of the
operator want only the values here, and the SDK takes half a second and 20 MiB."""


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
