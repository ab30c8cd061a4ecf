"""What the report says of a model's part in a dream."""

from datetime import UTC, datetime

import msgspec

from reverie.assist.proposal_verdict import ProposalVerdict
from reverie.memory.change import Change
from reverie.reports.html import render_report
from tests.reports.dream_samples import empty_dream

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REFUSED = ProposalVerdict("quote <the rule>", "a message that matches “rule”", "refused", "3 sessions showed it", 3)


def test_proposals_are_listed_with_their_verdicts_and_notes_with_them() -> None:
    result = msgspec.structs.replace(empty_dream(), proposals=(REFUSED,), notes=("merge_memories/1: nobody listens",))
    page = render_report(result, {}, generated_at=NOON)
    assert "quote &lt;the rule&gt;" in page and "3 sessions showed it" in page
    assert "merge_memories/1: nobody listens" in page


def test_without_a_model_nothing_is_said_of_one() -> None:
    assert 'id="model"' not in render_report(empty_dream(), {}, generated_at=NOON)


def test_every_kind_of_change_has_a_badge() -> None:
    changes = tuple(Change(action, "/a.md", "why") for action in ("merge", "mark", "quarantine", "tier", "expire"))
    page = render_report(msgspec.structs.replace(empty_dream(), changes=changes), {}, generated_at=NOON)
    assert "⇄ merge" in page and "~ quarantine" in page
