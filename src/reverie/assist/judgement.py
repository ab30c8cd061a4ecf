"""What became of the behaviours a model proposed, for the report and the lessons."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from reverie.assist.assistant import Proposals
from reverie.assist.proposal_verdict import ProposalVerdict
from reverie.digests.predicate import Match, Proposal, state_predicate
from reverie.lessons.lesson import Lesson
from reverie.mining.finding import Finding
from reverie.mining.policy import MiningPolicy


def judge_proposals(
    proposals: Proposals, shown: Sequence[Match], findings: Sequence[Finding], policy: MiningPolicy
) -> tuple[ProposalVerdict, ...]:
    """What became of each proposal, for the report; those that could not be checked come last.

    ``findings`` are in mining's order, so that of several findings about one behaviour the strongest speaks for it.
    """
    counts = Counter(entry.behaviour.name for entry in shown)
    found = {f.hypothesis.name: f for f in reversed(findings)}
    verdicts = []
    for proposal in proposals.proposals:
        count, finding = counts[proposal.name], found.get(proposal.name)
        if finding is not None:
            verdict, reason = str(finding.verdict), finding.reason
        elif count < policy.least_sessions:
            verdict = "refused"
            reason = f"{count} sessions showed it, and {policy.least_sessions} are needed to test it"
        else:
            verdict = "refused"
            reason = "no difference worth reporting, or shown by the same sessions as a behaviour already counted"
        counted = state_predicate(proposal.predicate)
        verdicts.append(ProposalVerdict(proposal.words, counted, verdict, reason, count))
    refused = [ProposalVerdict(one.words, "", "refused", one.reason, 0) for one in proposals.refused]
    return (*verdicts, *refused)


def state_checks(lessons: Sequence[Lesson], proposals: Sequence[Proposal]) -> tuple[Lesson, ...]:
    """The lessons, where one rests on a proposal with what was counted in its reason: the words are not ours."""
    counted = {proposal.name: state_predicate(proposal.predicate) for proposal in proposals}

    def stated(lesson: Lesson) -> Lesson:
        what = counted.get(lesson.behaviour_name)
        if what is None:
            return lesson
        return msgspec.structs.replace(lesson, reason=f"{lesson.reason}; proposed by a model and counted as {what}")

    return tuple(stated(lesson) for lesson in lessons)
