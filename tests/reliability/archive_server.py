"""One versioned S3 bucket of any size, in memory: what deleting a pipeline asks of its archive.

An emulator would need hours for a quarter of a million versions. Pages and errors are those of the
Amazon S3 API reference: ListObjectVersions ("up to 1,000"), DeleteObjects (at most 1,000 keys, an
``Error`` for each that stays), DeleteBucket (``BucketNotEmpty``).
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

_MOST = 1000
_OBJECT = re.compile(rb"<Key>(.*?)</Key><VersionId>(.*?)</VersionId>")


class Archive:
    """The bucket: (key, version id) -> whether it is a delete marker, in the order of a listing."""

    def __init__(self, versions: int, *, tags: Mapping[str, str], markers_every: int = 10) -> None:
        self.versions = {
            (f"raw/{number // 5:08d}", f"v{number % 5}"): not number % markers_every
            for number in range(versions)
        }
        self.locked: set[tuple[str, str]] = set()
        self.tags = tags
        self.exists = True
        self.calls: Counter[str] = Counter()
        self.deleted = 0
        self.largest_page = 0

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, str]:
        """Status and XML of one request."""
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        key = parts.path.strip("/").partition("/")[2]
        if key:
            return (404, "") if method == "HEAD" else (204, "")
        if not self.exists:
            return 404, _error("NoSuchBucket")
        if method == "GET" and "versions" in query:
            self.calls["list"] += 1
            return 200, self._page(int(query.get("max-keys", [str(_MOST)])[0]))
        if method == "GET" and "versioning" in query:
            return 200, _document("VersioningConfiguration", "<Status>Enabled</Status>")
        if method == "GET" and "tagging" in query:
            return 200, self._tagging()
        if method == "POST" and "delete" in query:
            self.calls["delete"] += 1
            return self._delete(body)
        if method == "DELETE" and not parts.query:
            if self.versions:
                return 409, _error("BucketNotEmpty")
            self.exists = False
            return 204, ""
        return 501, _error("NotImplemented")

    def _tagging(self) -> str:
        pairs = (
            f"<Tag><Key>{escape(key)}</Key><Value>{escape(value)}</Value></Tag>"
            for key, value in self.tags.items()
        )
        return _document("Tagging", f"<TagSet>{''.join(pairs)}</TagSet>")

    def _page(self, wanted: int) -> str:
        most = min(wanted, _MOST)
        shown: list[str] = []
        for (key, version), marker in self.versions.items():
            if len(shown) == most:
                break
            kind = "DeleteMarker" if marker else "Version"
            shown.append(
                f"<{kind}><Key>{key}</Key><VersionId>{version}</VersionId>"
                f"<IsLatest>false</IsLatest></{kind}>"
            )
        self.largest_page = max(self.largest_page, len(shown))
        more = "true" if len(self.versions) > most else "false"
        return _document("ListVersionsResult", f"<IsTruncated>{more}</IsTruncated>{''.join(shown)}")

    def _delete(self, body: bytes) -> tuple[int, str]:
        wanted = [(key.decode(), version.decode()) for key, version in _OBJECT.findall(body)]
        if not 0 < len(wanted) <= _MOST:
            return 400, _error("MalformedXML")
        refused = []
        for one in wanted:
            if one in self.locked:
                refused.append(
                    f"<Error><Key>{one[0]}</Key><VersionId>{one[1]}</VersionId>"
                    "<Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
                )
            elif self.versions.pop(one, None) is not None:
                self.deleted += 1
        return 200, _document("DeleteResult", "".join(refused))


def _document(name: str, content: str) -> str:
    return f'<{name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{content}</{name}>'


def _error(code: str) -> str:
    return f"<Error><Code>{code}</Code><Message>said S3</Message></Error>"


@contextmanager
def serving(archive: Archive) -> Iterator[str]:
    """Yield the endpoint of the bucket, on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, text = archive.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
