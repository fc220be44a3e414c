"""A hard AWS: a loopback proxy that is strict where the emulator behind it is too kind.

It adds the states, refusals and delays that AWS documents and the emulator lacks (`rules`), counts
every call (`ledger`), and breaks what it is told to break (`faults`). It runs as a process of its
own, `python -m sandbox.hard_aws`; tests reach it through `Sandbox.start(hard_aws=True)`.
"""

from sandbox.hard_aws.client import HardAws

__all__ = ["HardAws"]
