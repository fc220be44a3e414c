"""Pages of an hour: lists beside the page items, whose table can be asked for one page only.

Key: `metric_name` = `pages`, `time_window` = `YYYY-MM-DDTHH#<lane>#<hash of the list>`; attribute
`pages` is a JSON array of page keys. A list is put before the items of its pages, so that no item
is ever missing in the lists, whatever crashes; that a page is listed more than once does no harm.
A list's key is a hash of its contents: nobody ever changes one.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from clickstream_layout.tables import PAGES, counter_key
from processor.aggregate import HOUR_MS, hour_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DAY_SECONDS = 86_400
_LARGEST_LIST_BYTES = 204_800
"""Half of what an item may hold (DynamoDB Developer Guide, "Constraints in Amazon DynamoDB")."""
_MOST_PAGES = 100


class PageLists:
    """Writes lists of pages."""

    def __init__(self, dynamodb: Any, table: str, ttl_days: int) -> None:
        """`ttl_days`: as the page items'."""
        self._dynamodb = dynamodb
        self._table = table
        self._ttl_seconds = ttl_days * _DAY_SECONDS

    def write(self, lane_code: str, pages: Iterable[tuple[str, int]]) -> None:
        """List pages, given with their hours since 1970; again is safe.

        Raises:
            ClientError: DynamoDB's.
        """
        hours: dict[int, list[str]] = {}
        for page, hour in pages:
            hours.setdefault(hour, []).append(page)
        for hour, names in hours.items():
            for text in _texts(sorted(names)):
                digest = hashlib.sha256(text.encode()).hexdigest()[:16]
                ttl = hour * HOUR_MS // 1000 + self._ttl_seconds
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=counter_key(PAGES, f"{hour_key(hour, lane_code)}#{digest}"),
                    UpdateExpression="SET #p = :p, #t = :t",
                    ExpressionAttributeNames={"#p": "pages", "#t": "ttl"},
                    ExpressionAttributeValues={":p": {"S": text}, ":t": {"N": str(ttl)}},
                )


def _texts(names: Iterable[str]) -> Iterator[str]:
    """Yield JSON arrays that an item can hold; they are cut by their encoded size.

    A quote or backslash takes two bytes in JSON, a control character six.
    """
    part: list[str] = []
    size = 0
    for name in names:
        text = json.dumps(name, ensure_ascii=False)
        length = len(text.encode()) + 1
        if part and (len(part) == _MOST_PAGES or size + length > _LARGEST_LIST_BYTES):
            yield f"[{','.join(part)}]"
            part, size = [], 0
        part.append(text)
        size += length
    if part:
        yield f"[{','.join(part)}]"
