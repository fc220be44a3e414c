"""Controls: each protocol with its decisive condition weakened, so that the campaign must see it.

A campaign that finds nothing proves little unless it finds something when there is something. Every
control patches the expressions of the real handlers, in the process that runs the trial and only
for as long as it runs; the product knows nothing of them.
"""

from __future__ import annotations

from typing import Final

from simulator.weakened import alerts, archive, counts, progress, repeats
from simulator.weakened.control import Control

CONTROLS: Final[tuple[Control, ...]] = (
    *counts.CONTROLS,
    *archive.CONTROLS,
    *alerts.CONTROLS,
    *progress.CONTROLS,
    *repeats.CONTROLS,
)
