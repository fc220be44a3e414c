"""A strict AWS: a loopback proxy that is strict where the emulator behind it is too kind.

It adds the states, refusals and delays that AWS documents and the emulator lacks (`rules`), counts
every call (`call_log`), and breaks what it is told to break (`faults`). It runs as a process of its
own, `python -m sandbox.aws.strict`; tests reach it through `Sandbox.start(strict_aws=True)`.
"""

from sandbox.aws.strict.client import StrictAws, as_witness

__all__ = ["StrictAws", "as_witness"]
