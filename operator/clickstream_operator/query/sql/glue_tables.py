"""Tables and views of the archive as Glue keeps them, for Athena.

A line of JSON is one column of text: no SerDe takes it apart, so keys that differ in case, that
repeat, or that are new need no care. Partitions are projected (Athena user guide, "Use partition
projection with Amazon Athena"): no crawler, no cost at rest. Views are those of Athena's console: a
definition in JSON, in Base64, in the text of the view.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from clickstream_operator.query.sql.columns import VIEW_COLUMNS
from clickstream_operator.query.sql.views import view_sql

#: Folder of the archive by table.
LINES: Final = {"raw_lines": "raw", "bad_lines": "bad"}
#: Athena's name of the catalog that Glue keeps.
CATALOG: Final = "awsdatacatalog"
_HIVE_TYPES: Final = {"varchar": "string", "timestamp(3)": "timestamp"}
#: What tells Trino and Athena that a table is a view of theirs.
_VIEW: Final = "Presto View"


def lines_input(name: str, *, bucket: str, days: str) -> dict[str, Any]:
    """Return Glue's TableInput of a table of lines, `raw_lines` or `bad_lines`.

    `days`: first and last day that queries see, such as `2026-11-01,NOW`. A query without a filter
    of `dt` lists each of their hours.
    """
    place = f"s3://{bucket}/{LINES[name]}"
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {
            "EXTERNAL": "TRUE",
            "projection.enabled": "true",
            "projection.dt.type": "date",
            "projection.dt.format": "yyyy-MM-dd",
            "projection.dt.range": days,
            "projection.dt.interval": "1",
            "projection.dt.interval.unit": "DAYS",
            "projection.hr.type": "integer",
            "projection.hr.range": "0,23",
            "projection.hr.digits": "2",
            "storage.location.template": f"{place}/dt=${{dt}}/hr=${{hr}}/",
        },
        "PartitionKeys": [{"Name": "dt", "Type": "string"}, {"Name": "hr", "Type": "string"}],
        "StorageDescriptor": {
            "Columns": [{"Name": "line", "Type": "string"}],
            "Location": f"{place}/",
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
                # JSON has control characters escaped, so none ends the only column.
                "Parameters": {"field.delim": "\u0001", "serialization.format": "1"},
            },
        },
    }


def view_input(name: str, *, database: str) -> dict[str, Any]:
    """Return Glue's TableInput of a view."""
    columns = VIEW_COLUMNS[name]
    definition = {
        "originalSql": view_sql(name).strip(),
        "catalog": CATALOG,
        "schema": database,
        "columns": [{"name": column, "type": kind} for column, kind in columns.items()],
    }
    text = base64.b64encode(json.dumps(definition).encode()).decode()
    return {
        "Name": name,
        "Description": _VIEW,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": _VIEW},
        "PartitionKeys": [],
        "ViewOriginalText": f"/* Presto View: {text} */",
        "ViewExpandedText": "/* Presto View */",
        "StorageDescriptor": {
            "Columns": [
                {"Name": column, "Type": _HIVE_TYPES.get(kind, kind)}
                for column, kind in columns.items()
            ],
            "Location": "",
            "SerdeInfo": {},
        },
    }
