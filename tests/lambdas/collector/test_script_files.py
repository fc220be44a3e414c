"""The script that pages load: two names, fresh and small."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.lambdas.collector.site import (
    EDGE_ARN,
    EDGE_SECRET,
    SCRIPTS,
    Site,
    page_body,
    page_request,
    request,
    said,
)


def digest(suffix: str) -> str:
    """The part of a hashed name that says the content."""
    return hashlib.sha256(SCRIPTS[suffix].encode()).hexdigest()[:16]


def load(site: Site, path: str, method: str = "GET", **headers: str) -> dict[str, Any]:
    """Ask for a file as a page does."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return site.ask(request(method, path, headers=named))


@pytest.mark.parametrize("suffix", [".js", ".mjs"])
def test_the_stable_name_is_fresh_within_the_hour(site: Site, suffix: str) -> None:
    """It answers what is deployed, to anybody and without an origin."""
    answer = load(site, f"/clickstream{suffix}")
    assert answer["statusCode"] == 200
    assert answer["body"] == SCRIPTS[suffix]
    assert not answer["isBase64Encoded"]
    assert answer["headers"]["content-type"] == "text/javascript; charset=utf-8"
    assert answer["headers"]["cache-control"] == "public, max-age=3600"
    assert answer["headers"]["cross-origin-resource-policy"] == "cross-origin"
    assert answer["headers"]["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("suffix", [".js", ".mjs"])
def test_the_hashed_name_is_kept_for_a_year(site: Site, suffix: str) -> None:
    """Its content never changes, so that browsers never ask again."""
    answer = load(site, f"/clickstream.{digest(suffix)}{suffix}")
    assert answer["body"] == SCRIPTS[suffix]
    assert answer["headers"]["cache-control"] == "public, max-age=31536000, immutable"


def test_a_page_of_another_version_gets_the_script_of_now(site: Site) -> None:
    """A page that was not changed with an upgrade counts on, and asks again within the hour."""
    answer = load(site, "/clickstream.0123456789abcdef.js")
    assert answer["body"] == SCRIPTS[".js"]
    assert answer["headers"]["cache-control"] == "public, max-age=3600"


@pytest.mark.parametrize(
    ("accepted", "zipped"),
    [
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, GZIP;q=0.8", True),
        ("x-gzip", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0, br", False),
        ("identity", False),
        ("", False),
        ("notgzip", False),
    ],
)
def test_gzip_where_it_is_accepted(site: Site, accepted: str, *, zipped: bool) -> None:
    """In Base64, as function URLs want it; caches keep both forms apart."""
    answer = load(site, "/clickstream.js", accept_encoding=accepted)
    assert answer["isBase64Encoded"] is zipped
    assert (answer["headers"].get("content-encoding") == "gzip") is zipped
    body = answer["body"]
    if zipped:
        body = gzip.decompress(base64.b64decode(body)).decode()
    assert body == SCRIPTS[".js"]
    assert answer["headers"]["vary"] == "accept-encoding, origin"


@pytest.mark.parametrize("accepted", ["gzip", ""])
def test_a_browser_that_has_it_is_told_so(site: Site, accepted: str) -> None:
    """304 without a body by the ETag, also among others and when a cache weakened it."""
    first = load(site, "/clickstream.js", accept_encoding=accepted)
    etag = first["headers"]["etag"]
    for sent in (etag, f"W/{etag}", f'"other", {etag}'):
        again = load(site, "/clickstream.js", accept_encoding=accepted, if_none_match=sent)
        assert again["statusCode"] == 304
        assert "body" not in again
        assert again["headers"]["etag"] == etag
        assert again["headers"]["cache-control"] == first["headers"]["cache-control"]
    other = load(site, "/clickstream.js", accept_encoding=accepted, if_none_match='"other"')
    assert other["statusCode"] == 200


def test_head_has_no_body(site: Site) -> None:
    """HEAD is answered as GET is, without the content."""
    answer = load(site, "/clickstream.js", "HEAD", accept_encoding="gzip")
    assert (answer["statusCode"], answer["body"]) == (200, "")
    assert answer["headers"]["etag"]


def test_the_script_follows_the_path(make_site: Callable[..., Site]) -> None:
    """Under another path there are the same names, and none under the first."""
    site = make_site(collector={"path": "/assets/v1.2/t.js"})
    assert load(site, "/assets/v1.2/t.js")["body"] == SCRIPTS[".js"]
    assert load(site, "/assets/v1.2/t.mjs")["body"] == SCRIPTS[".mjs"]
    assert load(site, f"/assets/v1.2/t.{digest('.js')}.js")["statusCode"] == 200
    for path in ("/clickstream.js", "/assets/v1x2/t.js", "/assets/v1.2/t.js.map"):
        assert load(site, path)["statusCode"] == 404


@pytest.mark.parametrize(
    "path", ["/", "/clickstream.js", "/clickstream.mjs", "/clickstream.0123456789abcdef.js"]
)
def test_pages_post_to_the_address_of_their_script(site: Site, path: str) -> None:
    """Whichever name they loaded it by."""
    sent = page_request(page_body())
    sent["rawPath"] = path
    assert site.ask(sent)["statusCode"] == 200
    assert len(site.stream.events) == 1


def test_only_the_edge_gets_the_script(make_site: Callable[..., Site]) -> None:
    """Where a CDN stands in front, the function answers nobody else."""
    site = make_site(collector={"originSecretArn": EDGE_ARN, "originHeader": "x-edge"})
    assert load(site, "/clickstream.js")["statusCode"] == 403
    assert load(site, "/clickstream.js", x_edge=EDGE_SECRET)["statusCode"] == 200


def test_the_script_is_neither_counted_nor_logged(site: Site) -> None:
    """A visit's script costs a request, and no line of the log."""
    load(site, "/clickstream.js")
    site.pass_time(120)
    load(site, "/clickstream.js")
    assert site.lines == []


def test_a_tree_without_a_built_script_says_so(make_site: Callable[..., Site]) -> None:
    """Only a package has it; without one a page is told that the method is wrong."""
    site = make_site(scripts={})
    answer = load(site, "/clickstream.js")
    assert answer["statusCode"] == 405
    assert json.dumps(said(answer)["error"]["field"]) == '"method"'
