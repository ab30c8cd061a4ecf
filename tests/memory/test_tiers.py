from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from reverie.memory.activation import UseTrace
from reverie.memory.policy import TierPolicy
from reverie.memory.tiers import Confirmation, Document, disjoint_windows, expiry, judge_tier

NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICY = TierPolicy()


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def confirmed(first: float, last: float, *strata: str) -> Confirmation:
    return Confirmation(days_ago(first), days_ago(last), strata)


LONG_RECORD = (confirmed(40, 30, "a", "b"), confirmed(20, 10, "b", "c"))
NOTE = Document("/notes/desk.md", "Open at nine.", "intermediate", days_ago(50), days_ago(50))
LESSON = msgspec.structs.replace(
    NOTE, lesson_id="lsn_1", path="/lessons/best-practices/ask-first.md", confirmations=LONG_RECORD
)
SHORT = msgspec.structs.replace(NOTE, tier="short")


def test_windows_that_overlap_count_once() -> None:
    windows = [confirmed(30, 10), confirmed(40, 25), confirmed(20, 15), confirmed(9, 8)]
    assert disjoint_windows(windows) == 3
    assert disjoint_windows([]) == 0


def test_what_several_windows_and_strata_confirm_becomes_long_and_says_why() -> None:
    change = judge_tier(LESSON, POLICY, NOW)
    assert change is not None
    assert change.tier == "long"
    assert change.reason == (
        "intermediate to long: confirmed in 2 disjoint windows (needs 2) and 3 strata (needs 3), "
        "last 10 days ago (limit 180)"
    )


@pytest.mark.parametrize(
    "confirmations",
    [
        (confirmed(40, 30, "a", "b", "c"),),
        (confirmed(40, 30, "a", "b", "c"), confirmed(35, 20, "d")),
        (confirmed(40, 30, "a", "b"), confirmed(20, 10, "a", "b")),
    ],
)
def test_one_window_or_few_strata_are_not_enough(confirmations: tuple[Confirmation, ...]) -> None:
    assert judge_tier(msgspec.structs.replace(LESSON, confirmations=confirmations), POLICY, NOW) is None


def test_a_long_memory_that_nothing_confirms_any_more_is_intermediate_and_stays_so() -> None:
    later = NOW + timedelta(days=180)
    long = msgspec.structs.replace(LESSON, tier="long")
    assert judge_tier(long, POLICY, NOW) is None
    change = judge_tier(long, POLICY, later)
    assert change is not None
    assert change.tier == "intermediate"
    assert judge_tier(msgspec.structs.replace(long, tier="intermediate", tier_since=later), POLICY, later) is None


@pytest.mark.parametrize(
    ("uses", "confirmations"),
    [(UseTrace(3, days_ago(9), (days_ago(9), days_ago(8), days_ago(2))), ()), (None, (confirmed(9, 8, "a"),))],
)
def test_a_short_memory_in_use_becomes_intermediate(
    uses: UseTrace | None, confirmations: tuple[Confirmation, ...]
) -> None:
    change = judge_tier(msgspec.structs.replace(SHORT, uses=uses, confirmations=confirmations), POLICY, NOW)
    assert change is not None
    assert change.tier == "intermediate"


def test_an_idle_note_becomes_short_then_expires_and_use_before_that_does_not_save_it() -> None:
    used = UseTrace(5, days_ago(200), tuple(days_ago(200 - day) for day in range(5)))
    idle = msgspec.structs.replace(NOTE, written_at=days_ago(300), tier_since=days_ago(300), uses=used)
    change = judge_tier(idle, POLICY, NOW)
    assert change is not None
    assert change.tier == "short"
    demoted = msgspec.structs.replace(idle, tier="short", tier_since=NOW)
    assert judge_tier(demoted, POLICY, NOW) is None
    assert expiry(demoted, POLICY, NOW + timedelta(days=7)) is None
    assert expiry(demoted, POLICY, NOW + timedelta(days=8)) == "expired: short, and unused for 8 days (limit 7)"


def test_a_short_memory_used_lately_does_not_expire() -> None:
    assert expiry(SHORT, POLICY, NOW) is not None
    assert expiry(msgspec.structs.replace(SHORT, uses=UseTrace(1, days_ago(2), (days_ago(2),))), POLICY, NOW) is None


def test_a_lesson_neither_idles_nor_expires() -> None:
    forgotten = msgspec.structs.replace(LESSON, written_at=days_ago(900), tier_since=days_ago(900), confirmations=())
    assert judge_tier(forgotten, POLICY, NOW) is None
    assert expiry(msgspec.structs.replace(forgotten, tier="short"), POLICY, NOW) is None
