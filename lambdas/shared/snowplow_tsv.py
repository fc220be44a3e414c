"""Snowplow's enriched events as tab-separated text, in the form that its analytics SDKs give.

Columns: Snowplow documentation, "Enriched stream TSV file format".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from shared.payload_text import Unparsed

if TYPE_CHECKING:
    from collections.abc import Callable

NAME: Final = "SnowplowTSV"
"""By which `events.unwrap` asks for it."""
_HEADER: Final = (
    "app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id "
    "name_tracker v_tracker v_collector v_etl user_id user_ipaddress user_fingerprint "
    "domain_userid domain_sessionidx network_userid geo_country geo_region geo_city geo_zipcode "
    "geo_latitude geo_longitude geo_region_name ip_isp ip_organization ip_domain ip_netspeed "
    "page_url page_title page_referrer page_urlscheme page_urlhost page_urlport page_urlpath "
    "page_urlquery page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath "
    "refr_urlquery refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source "
    "mkt_term mkt_content mkt_campaign contexts se_category se_action se_label se_property "
    "se_value unstruct_event tr_orderid tr_affiliation tr_total tr_tax tr_shipping tr_city "
    "tr_state tr_country ti_orderid ti_sku ti_name ti_category ti_price ti_quantity "
    "pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent br_name br_family "
    "br_version br_type br_renderengine br_lang br_features_pdf br_features_flash "
    "br_features_java br_features_director br_features_quicktime br_features_realplayer "
    "br_features_windowsmedia br_features_gears br_features_silverlight br_cookies br_colordepth "
    "br_viewwidth br_viewheight os_name os_family os_manufacturer os_timezone dvce_type "
    "dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height "
    "tr_currency tr_total_base tr_tax_base tr_shipping_base ti_currency ti_price_base "
    "base_currency geo_timezone mkt_clickid mkt_network etl_tags dvce_sent_tstamp "
    "refr_domain_userid refr_device_tstamp derived_contexts domain_sessionid derived_tstamp "
    "event_vendor event_name event_format event_version event_fingerprint true_tstamp"
)
COLUMNS: Final = tuple(_HEADER.split())
_INTEGERS: Final = frozenset({
    "txn_id", "domain_sessionidx", "page_urlport", "refr_urlport", "ti_quantity",
    "pp_xoffset_min", "pp_xoffset_max", "pp_yoffset_min", "pp_yoffset_max", "br_viewwidth",
    "br_viewheight", "dvce_screenwidth", "dvce_screenheight", "doc_width", "doc_height",
})  # fmt: skip
_NUMBERS: Final = frozenset({
    "geo_latitude", "geo_longitude", "tr_total", "tr_tax", "tr_shipping", "ti_price",
    "tr_total_base", "tr_tax_base", "tr_shipping_base", "ti_price_base",
})  # fmt: skip
_TRUTHS: Final = {"1": True, "0": False}
_INTEGER: Final = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?", re.ASCII)
_SCHEMA: Final = re.compile(r"iglu:([\w.-]{1,128})/([\w-]{1,128})/[\w-]{1,32}/(\d{1,4})-", re.ASCII)
_SMALL_AND_LARGE: Final = re.compile("([^A-Z_])([A-Z])")


def read(text: str, most: int, parse: Callable[[str], Any]) -> list[Any] | None:
    """Return the events of a text; None if no line of it is one.

    Args:
        text: lines of as many columns as there are; others stand as `Unparsed` among them.
        most: of more lines the first `most` + 1 are read.
        parse: reads a JSON text, and raises ValueError for what is none.

    Raises:
        RecursionError: JSON in a column nests too deeply.
    """
    if "\t" not in text:
        return None
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line]
    values: list[Any] = []
    for line in lines[: most + 1]:
        cells = line.split("\t")
        values.append(_event(cells, parse) if len(cells) == len(COLUMNS) else Unparsed(line))
    return values if any(isinstance(value, dict) for value in values) else None


def _event(cells: list[str], parse: Callable[[str], Any]) -> dict[str, Any]:
    event: dict[str, Any] = {}
    for name, cell in zip(COLUMNS, cells, strict=True):
        if not cell:
            continue
        if name in {"contexts", "derived_contexts"}:
            event.update(_contexts(name, cell, parse))
        elif name == "unstruct_event":
            event.update(_self_described(name, cell, parse))
        else:
            event[name] = _value(name, cell)
    return event


def _value(name: str, cell: str) -> Any:
    """Return the value of a cell; text where it is not what its column is for."""
    if name.endswith("_tstamp"):
        return f"{cell.replace(' ', 'T')}Z"
    if name in _INTEGERS and _INTEGER.fullmatch(cell):
        return int(cell)
    if name in _NUMBERS and _NUMBER.fullmatch(cell):
        return float(cell)
    if name.startswith("br_features_") or name in {"br_cookies", "dvce_ismobile"}:
        return _TRUTHS.get(cell, cell)
    return cell


def _contexts(column: str, cell: str, parse: Callable[[str], Any]) -> dict[str, Any]:
    """Return a list of data for each schema, as `contexts_com_acme_user_1`."""
    try:
        described = parse(cell)["data"]
        found: dict[str, Any] = {}
        for each in described:
            found.setdefault(_member("contexts", each["schema"]), []).append(each["data"])
    except (ValueError, TypeError, KeyError):
        return {column: cell}
    return found


def _self_described(column: str, cell: str, parse: Callable[[str], Any]) -> dict[str, Any]:
    """Return the data under its schema, as `unstruct_event_com_acme_link_click_1`."""
    try:
        described = parse(cell)["data"]
        return {_member(column, described["schema"]): described["data"]}
    except (ValueError, TypeError, KeyError):
        return {column: cell}


def _member(prefix: str, schema: str) -> str:
    """Return the name that the SDKs give to the data of a schema.

    Raises:
        ValueError: the schema is written otherwise.
    """
    match = _SCHEMA.match(schema)
    if match is None:
        raise ValueError("no Iglu schema")
    vendor, name, model = match.groups()
    vendor = vendor.replace(".", "_").replace("-", "_").lower()
    snake = _SMALL_AND_LARGE.sub(r"\1_\2", name).replace("-", "_").lower()
    return f"{prefix}_{vendor}_{snake}_{model}"
