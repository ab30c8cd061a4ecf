"""What the report and the lessons say of a model's proposals."""

import msgspec

from reverie.assist.assistant import Proposals, RefusedProposal
from reverie.assist.judgement import judge_proposals, state_checks
from reverie.digests.behaviour_name import SESSION
from reverie.digests.digest import Behaviour
from reverie.digests.predicate import Match, Proposal, Says
from reverie.mining.finding import Finding, Hypothesis
from reverie.mining.policy import MiningPolicy
from tests.assist.test_assistant import lesson

QUOTE = Proposal("quote the rule", Says("rule", before="refund"))
RARE, SAME = Proposal("say magic", Says("magic")), Proposal("say done", Says("done"))


def shown(proposal: Proposal, sessions: int) -> list[Match]:
    behaviour = Behaviour(SESSION, proposal.name, "manner", 1, 0)
    return [Match(f"s{i}", behaviour) for i in range(sessions)]


def test_every_proposal_has_a_verdict_with_its_reason() -> None:
    finding = Finding(
        hypothesis=Hypothesis(None, "before refund", QUOTE.name.text, "manner", 9),
        verdict="adopted",
        reason="found and confirmed",
        naive_effect=0.1,
        naive_significant=True,
        discovery=None,
        confirmation=None,
        q_discovery=0.01,
        q_confirmation=0.01,
    )
    weaker = msgspec.structs.replace(finding, verdict="refused", reason="a shadow")
    proposals = Proposals((QUOTE, RARE, SAME), (RefusedProposal("look ahead", "not RE2"),))
    entries = [*shown(QUOTE, 50), *shown(RARE, 3), *shown(SAME, 60)]
    verdicts = judge_proposals(proposals, entries, [finding, weaker], MiningPolicy())
    assert [(v.words, v.verdict, v.sessions) for v in verdicts] == [
        ("quote the rule", "adopted", 50),
        ("say magic", "refused", 3),
        ("say done", "refused", 60),
        ("look ahead", "refused", 0),
    ]
    assert verdicts[0].reason == "found and confirmed" and "by the first `refund` call" in verdicts[0].counted
    assert verdicts[1].reason == "3 sessions showed it, and 10 are needed to test it"


def test_a_lesson_on_a_proposal_says_what_was_counted_and_others_stay() -> None:
    own = lesson("Call `verify`")
    theirs = msgspec.structs.replace(own, behaviour=f"before refund | {QUOTE.name.text}")
    stated = state_checks([own, theirs], [QUOTE])
    assert stated[0] == own
    counted = "a message that matches “rule” by the first `refund` call"
    assert stated[1].reason == f"found and confirmed; proposed by a model and counted as {counted}"
