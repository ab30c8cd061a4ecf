"""What a model was asked for in a dream, and what became of it: records that outlive a killed process."""

from collections.abc import Sequence

import msgspec

from reverie.assist.assistant import Proposals
from reverie.assist.budget import Spending
from reverie.assist.judgement import judge_proposals
from reverie.assist.proposal_verdict import ProposalVerdict
from reverie.digests.predicate import FAMILY, Match, Proposal, proving_events
from reverie.mining.finding import Finding
from reverie.mining.policy import MiningPolicy


class Consultation(msgspec.Struct, frozen=True):
    """The behaviours a model proposed, and what asking for them cost."""

    model: str
    """``provider:model``; empty where there was none to ask."""
    proposals: Proposals
    spent: dict[str, Spending] = {}
    """By purpose."""


class Judgement(msgspec.Struct, frozen=True):
    """The verdicts on all proposals that a dream tested, new and earlier."""

    verdicts: tuple[ProposalVerdict, ...] = ()
    proving: tuple[tuple[str, str, str, int], ...] = ()
    """Session id, situation, behaviour name and proving event, for the sessions that findings cite."""

    def proving_sequences(self) -> dict[tuple[str, str, str], int]:
        """For (session id, situation, behaviour name): the sequence number of the event that proves it."""
        return {(session_id, situation, name): n for session_id, situation, name, n in self.proving}


def with_earlier(earlier: Sequence[Proposal], consultation: Consultation | None) -> Proposals:
    """All that a dream has to test: the proposals of earlier dreams that hold, then its own."""
    if consultation is None:
        return Proposals(tuple(earlier))
    own = consultation.proposals
    return msgspec.structs.replace(own, proposals=(*earlier, *own.proposals))


def judge(proposals: Proposals, shown: Sequence[Match], findings: Sequence[Finding], policy: MiningPolicy) -> Judgement:
    """The verdicts, and no more of ``shown`` than lessons will cite."""
    cited = {
        (session_id, finding.hypothesis.situation_text, finding.hypothesis.name_text)
        for finding in findings
        if finding.hypothesis.name.family == FAMILY
        for session_id in (*finding.supporting, *finding.contrary)
    }
    proving = ((*key, sequence) for key, sequence in proving_events(shown).items() if key in cited)
    return Judgement(judge_proposals(proposals, shown, findings, policy), tuple(sorted(proving)))
