"""The alarms of a pipeline, as pure data: what each watches and why its threshold is what it is.

Every Lambda and Kinesis alarm treats missing data as not breaching: a stream without traffic is
silent, not ill. Only ``no-data`` treats silence as the fault that it is there to find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MISSING_IS_FINE: Final = "notBreaching"
MISSING_IS_BAD: Final = "breaching"
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class AlarmDefinition:
    """One metric alarm.

    `key` is the inventory key and the end of the AWS name (``processor-iterator-age``). `dimensions`
    name the metric with `namespace` and `metric`; `period_seconds` is a multiple of 60. The alarm
    fires when `datapoints` of the last `evaluation_periods` periods compare to `threshold`.
    """

    key: str
    description: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    statistic: str
    period_seconds: int
    evaluation_periods: int
    datapoints: int
    comparison: str
    threshold: float
    missing_data: str = MISSING_IS_FINE


def alarm_set(
    *,
    processor: str,
    processor_timeout_seconds: int,
    dead_letter_queue: str,
    stream: str,
    iterator_age_seconds: int,
    detector: str | None = None,
    detector_timeout_seconds: int = 30,
    failed_objects_bucket: str | None = None,
    no_data_minutes: int | None = None,
) -> tuple[AlarmDefinition, ...]:
    """All alarms of one pipeline, in a fixed order. Arguments are physical names.

    `detector` None: the pipeline has none. `failed_objects_bucket` None: the bucket does not count
    them. `no_data_minutes` None: silence is no fault.
    """
    raise NotImplementedError
