"""A charter: how an agent should behave, as behaviours with the range in which the rate of each is to stay."""

from typing import Annotated

import msgspec
from msgspec import Meta

from reverie.digests.predicate import Calls, Says
from reverie.runtime.charter_report import Act
from reverie.runtime.rule import Globs
from reverie.statistics.change_detection import RUN_LENGTH

Share = Annotated[float, Meta(ge=0, le=1)]
RunLength = Annotated[int, Meta(ge=100, le=1_000_000_000)]
REST_MINUTES = 10.0


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a charter; unknown fields are mistakes."""


class Digested(_Part, frozen=True, tag_field="kind", tag="behaviour"):
    """A behaviour that digests know, by its label: ``before refund | ask``, ``call:verify_identity``, ``error:…``.

    Counted among sessions that come to its situation.
    """

    label: Annotated[str, Meta(min_length=1, max_length=400)]


class Fired(_Part, frozen=True, tag_field="kind", tag="rule"):
    """A rule on tool calls held, whatever its mode and whosever set it is of; counted among sessions run here."""

    rule: Annotated[str, Meta(min_length=1, max_length=64)]


class OutsideIntent(_Part, frozen=True, tag_field="kind", tag="outside_intent"):
    """The share of calls that change something, of sessions whose opening request only asks to be told something."""


Sign = Calls | Says | Digested | Fired | OutsideIntent
"""What shows a behaviour. ``Calls`` and ``Says`` are the language of rules and dreams; one with ``before`` or
``after`` is counted among sessions that come to that moment."""


class CharterBehaviour(_Part, frozen=True, kw_only=True):
    """One behaviour and its allowed rate."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    shows: Sign
    at_least: Share | None = None
    """The least rate that is as it should be."""
    at_most: Share | None = None
    """The highest."""
    tasks: Globs = "*"
    """Only sessions whose task category matches; ``*`` has those without one as well."""
    alarm: Act = "notice"
    """What an alarm does: ``notice`` tells, ``pause`` stops the agent's turns too, until a person resumes it."""
    run_length: RunLength | None = None
    """By default the charter's."""

    @property
    def low(self) -> float:
        """The lower end of the allowed range."""
        return 0.0 if self.at_least is None else self.at_least

    @property
    def high(self) -> float:
        """The upper end of it."""
        return 1.0 if self.at_most is None else self.at_most

    @property
    def watched(self) -> "Watched":
        """What the numbers of its watch belong to: when any of it changes, they begin anew."""
        return Watched(self.shows, self.low, self.high, self.tasks)


class Watched(msgspec.Struct, frozen=True):
    """What is counted, and the range it is compared with."""

    shows: Sign
    low: float
    high: float
    tasks: Globs


class Charter(_Part, frozen=True, kw_only=True):
    """Behaviours that are set together; their order means nothing."""

    behaviours: tuple[CharterBehaviour, ...] = ()
    run_length: RunLength = RUN_LENGTH
    """At least so many sessions pass on average before a behaviour that keeps to its range gives an alarm."""
    rest_minutes: Annotated[float, Meta(ge=0, le=10_080)] = REST_MINUTES
    """How long a live session has to have been idle to count as ended, unless it was archived or terminated."""

    def run_length_of(self, behaviour: CharterBehaviour) -> int:
        """The run length that holds for a behaviour."""
        return self.run_length if behaviour.run_length is None else behaviour.run_length
