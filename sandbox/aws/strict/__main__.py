"""Command line: `python -m sandbox.aws.strict --listen 127.0.0.1:PORT --upstream URL`."""

from __future__ import annotations

import argparse
import asyncio
import sys

from sandbox.aws.strict.rules import RULES
from sandbox.aws.strict.server import serve
from sandbox.processes.ports import LOOPBACK


def main() -> None:
    """Serve until a signal; exit code 2: wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.aws.strict", description=__doc__)
    parser.add_argument("--listen", required=True, metavar=f"{LOOPBACK}:PORT")
    parser.add_argument("--upstream", required=True, metavar="URL", help="the emulator")
    parser.add_argument(
        "--rules",
        default="all",
        help=f"all, none, or names with commas, each with =SECONDS if wanted: {', '.join(RULES)}",
    )
    parser.add_argument(
        "--time-scale",
        type=float,
        default=1.0,
        help="virtual seconds in a real one; 0 stands still",
    )
    arguments = parser.parse_args()
    host, _, port = arguments.listen.rpartition(":")
    if host != LOOPBACK:
        parser.error(f"it listens on {LOOPBACK} only")
    rules = arguments.rules.split(",")
    unknown = {rule.partition("=")[0] for rule in rules} - {*RULES, "all", "none"}
    if unknown:
        parser.error(f"there is no rule {', '.join(sorted(unknown))}")
    asyncio.run(serve(host, int(port), arguments.upstream, rules, arguments.time_scale))
    sys.exit(0)


if __name__ == "__main__":
    main()
