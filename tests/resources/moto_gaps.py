"""What moto 5.2 gets wrong, in one list: tests name the gap that they step around."""

from __future__ import annotations

from typing import Final

GAPS: Final[dict[str, str]] = {
    "kinesis create_stream Tags": "lost; the next observation shows it and add_tags_to_stream mends",
    "s3 create_bucket Tags": "lost; the next observation shows it and put_bucket_tagging mends",
    "s3 put_object under a TLS-only policy": "refused although the call is made over https",
}
