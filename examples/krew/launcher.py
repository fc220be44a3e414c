#!/usr/bin/env python3
"""Start the command line from the archive: the packages beside it that fit this Python."""

# ruff: noqa: ANN201, EXE001, PLC0415, UP031
# It must run, and say which Python is needed, with any Python 3; it is made executable in the
# archive, and the packages can be imported only after the path is set.

import sys
from pathlib import Path

KNOWN = ((3, 11), (3, 12), (3, 13), (3, 14))


def main():
    """Put the packages on the path, then run the command of this file's name."""
    here = Path(__file__).resolve()
    found = sys.version_info[:2]
    if found not in KNOWN:
        known = ", ".join("%d.%d" % one for one in KNOWN)
        sys.stderr.write(
            "error: kubectl clickstream needs Python %s as python3; this is %d.%d\n"
            % (known, found[0], found[1])
        )
        return 1
    lib = here.parent / "lib"
    sys.path[:0] = [str(lib / ("%d.%d" % found)), str(lib / "any")]
    if here.name.startswith("kubectl_complete"):
        from clickstream_operator.cli.kubectl_completion import main as complete

        return complete()
    from clickstream_operator.cli.__main__ import main as command

    return command()


if __name__ == "__main__":
    sys.exit(main())
