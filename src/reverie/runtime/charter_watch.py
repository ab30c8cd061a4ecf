"""The rate of one behaviour of one agent, watched session by session: a fold over the numbers of sessions."""

from collections.abc import Iterable, Sequence

import msgspec

from reverie.runtime.charter import CharterBehaviour
from reverie.runtime.charter_report import AlarmNumbers
from reverie.statistics.change_detection import RateDetector
from reverie.statistics.quantity import wilson

RECENT = 50
"""Sessions of which the latest rate is told."""
_Z = 1.959964


class Watch(msgspec.Struct, frozen=True):
    """What has been seen since the detector began."""

    detector: RateDetector
    total: float = 0.0
    """Sum of the sessions' numbers."""

    @property
    def sessions(self) -> int:
        """Sessions counted."""
        return self.detector.n

    @property
    def rate(self) -> float | None:
        """Their mean; None without any."""
        return self.total / self.sessions if self.sessions else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the rate (Wilson); it speaks of one look, unlike the detector."""
        rate = self.rate
        return None if rate is None else wilson(rate, self.sessions, _Z)

    def take_in(self, value: float) -> "Watch":
        """With one session more.

        Raises:
            ValueError: the number is not in [0, 1].
        """
        return Watch(self.detector.add(value), self.total + value)


def begin(behaviour: CharterBehaviour) -> Watch:
    """The watch of a behaviour before any session."""
    return Watch(RateDetector(behaviour.low, behaviour.high))


def watch_all(behaviour: CharterBehaviour, values: Iterable[float]) -> Watch:
    """The watch after sessions with these numbers, in their order."""
    watch = begin(behaviour)
    for value in values:
        watch = watch.take_in(value)
    return watch


def alarm_numbers(
    behaviour: CharterBehaviour, watch: Watch, run_length: int, recent: Sequence[float]
) -> AlarmNumbers | None:
    """What an alarm is raised on, where there is one.

    Args:
        recent: the numbers of the latest sessions, the last one included.
    """
    rate, interval = watch.rate, watch.interval
    if rate is None or interval is None or not watch.detector.alarms(run_length):
        return None
    latest = list(recent)[-RECENT:]
    return AlarmNumbers(
        sessions=watch.sessions,
        rate=rate,
        low=interval[0],
        high=interval[1],
        recent=sum(latest) / len(latest) if latest else rate,
        value=watch.detector.value,
        run_length=run_length,
        allowed=(behaviour.low, behaviour.high),
    )
