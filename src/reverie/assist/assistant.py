"""What a language model may contribute to a dream: ideas that are then tested, and words that are then checked.

Nothing here decides anything. A proposed behaviour becomes a column of the corpus; a name or a sentence replaces ours
only when it passes its checks. A model that fails costs the dream its contribution and a note, not its result.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from reverie.assist.budget import PlannedCalls, estimate_tokens
from reverie.assist.fidelity import lost_in_merging, lost_in_rewording
from reverie.assist.pairs import render_excerpt
from reverie.assist.question import AssistantPolicy, ask, make_request, reason_of
from reverie.digests.moments import Call, Fault, Result, read_moments
from reverie.digests.predicate import Predicate, Proposal, compile_predicate, plain_words
from reverie.errors import PredicateError
from reverie.language_model import LanguageModel
from reverie.lessons.lesson import Lesson
from reverie.prompts.merge_memories import merging_prompt
from reverie.prompts.name_themes import ThemeSample, naming_prompt
from reverie.prompts.prompt import Prompt
from reverie.prompts.propose_behaviours import PairText, ProposeBehaviours, proposing_prompt
from reverie.prompts.reword_advice import rewording_prompt
from reverie.sessions.session import Transcript

_FRAME_TOKENS = 1_500
"""The fixed part of the longest prompt, its lists of actions and errors included."""
_TOKENS_PER_ADVICE = 150
_TOKENS_PER_THEME = 600
_MOST_EXEMPLARS = 5
_LONGEST_EXEMPLAR = 300
_MOST_LISTED = 40
"""Actions, error classes and earlier proposals named in a prompt."""


class RefusedProposal(msgspec.Struct, frozen=True):
    """A proposal that cannot be checked, with the reason."""

    words: str
    reason: str


class Proposals(msgspec.Struct, frozen=True):
    """What came of asking for behaviours."""

    proposals: tuple[Proposal, ...]
    refused: tuple[RefusedProposal, ...] = ()
    notes: tuple[str, ...] = ()
    """Why calls gave nothing."""


class Merger(msgspec.Struct, frozen=True):
    """One text for several, or why there is none."""

    text: str | None
    reason: str = ""


class _Proposed(msgspec.Struct):
    """A behaviour and how it is counted."""

    words: str
    predicate: Predicate


class _ProposedList(msgspec.Struct):
    proposals: list[_Proposed]


class _Numbered(msgspec.Struct):
    number: int
    text: str


class _NumberedList(msgspec.Struct):
    texts: list[_Numbered]


class _Text(msgspec.Struct):
    text: str


def plan_calls(policy: AssistantPolicy, *, themes: int, lessons: int, mergers: int) -> tuple[PlannedCalls, ...]:
    """The calls of a dream with so many themes, lessons and groups of memories to merge, at their largest."""
    per = policy.texts_per_call
    sizes = (
        (
            "propose_behaviours",
            -(-policy.pairs // policy.pairs_per_call),
            2 * policy.pairs_per_call * policy.transcript_tokens,
        ),
        ("name_themes", -(-themes // per), per * _TOKENS_PER_THEME),
        ("reword_advice", -(-lessons // per), per * _TOKENS_PER_ADVICE),
        ("merge_memories", mergers, policy.output_tokens),
    )
    return tuple(
        PlannedCalls(name, count, _FRAME_TOKENS + size, policy.output_tokens) for name, count, size in sizes if count
    )


async def propose_behaviours(
    model: LanguageModel,
    pairs: Sequence[tuple[Transcript, Transcript]],
    earlier: Sequence[Proposal],
    policy: AssistantPolicy,
    instructions: str | None = None,
) -> Proposals:
    """Behaviours that may explain why the first transcript of each pair went better than the second.

    ``earlier`` are the proposals of earlier dreams: not asked for again, and left out when they come back.
    ``instructions`` are those of whoever asked for the dream.
    """
    per = policy.pairs_per_call
    groups = [pairs[i : i + per] for i in range(0, len(pairs), per)]
    requests = [
        make_request(_pairs_prompt(group, earlier, policy, instructions), _ProposedList, policy) for group in groups
    ]
    notes: list[str] = []
    accepted: list[Proposal] = []
    refused: list[RefusedProposal] = []
    for _, answer in await ask(model, requests, notes):
        listed = answer.get("proposals")
        for item in listed[: policy.proposals_per_call] if isinstance(listed, list) else ():
            try:
                accepted.append(_read_proposal(item, [*earlier, *accepted]))
            except (PredicateError, msgspec.ValidationError) as error:
                refused.append(RefusedProposal(_words_for_report(item), reason_of(error)))
    return Proposals(tuple(accepted), tuple(refused), tuple(notes))


def _pairs_prompt(
    group: Sequence[tuple[Transcript, Transcript]],
    earlier: Sequence[Proposal],
    policy: AssistantPolicy,
    instructions: str | None,
) -> Prompt:
    actions: dict[str, None] = {}
    errors: dict[str, None] = {}
    for transcript in (transcript for pair in group for transcript in pair):
        for moment in read_moments(transcript.events):
            if isinstance(moment, Call):
                actions[moment.action] = None
            elif isinstance(moment, Result | Fault) and moment.error:
                errors[moment.error] = None
    texts = [[render_excerpt(transcript, policy.transcript_tokens) for transcript in pair] for pair in group]
    return proposing_prompt(
        ProposeBehaviours(
            pairs=[PairText(better, worse) for better, worse in texts],
            actions=list(actions)[:_MOST_LISTED],
            errors=list(errors)[:_MOST_LISTED],
            known=[proposal.words for proposal in earlier][-_MOST_LISTED:],
            most=policy.proposals_per_call,
            instructions=instructions,
        )
    )


def _read_proposal(item: Any, known: Sequence[Proposal]) -> Proposal:
    proposed = msgspec.convert(item, _Proposed)
    proposal = Proposal(plain_words(proposed.words), proposed.predicate)
    for other in known:
        if proposal.predicate == other.predicate:
            raise PredicateError(f"it is counted already, as “{other.words}”")
        if proposal.words == other.words:
            raise PredicateError("another behaviour has these words")
    compile_predicate(proposal)
    return proposal


def _words_for_report(item: Any) -> str:
    words = item.get("words") if isinstance(item, dict) else None
    try:
        return plain_words(words if isinstance(words, str) else "")
    except PredicateError:
        return "(unreadable)"


async def name_themes(
    model: LanguageModel, samples: Sequence[ThemeSample], policy: AssistantPolicy
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A name for each theme, ours where the model's is unusable or taken, and notes on calls that gave nothing."""
    short = [
        ThemeSample(sample.name, [text[:_LONGEST_EXEMPLAR] for text in sample.exemplars[:_MOST_EXEMPLARS]])
        for sample in samples
    ]
    per = policy.texts_per_call
    prompts = [naming_prompt(short[i : i + per]) for i in range(0, len(short), per)]
    notes: list[str] = []
    names = [sample.name for sample in samples]
    for i, text in await _texts(model, prompts, policy, notes):
        try:
            name = plain_words(text)
        except PredicateError:
            continue
        if i < len(names) and name not in names:
            names[i] = name
    return tuple(names), tuple(notes)


async def reword_lessons(
    model: LanguageModel, lessons: Sequence[Lesson], policy: AssistantPolicy
) -> tuple[tuple[Lesson, ...], tuple[str, ...]]:
    """The lessons with better prose where it says the same, and notes on where it did not.

    Only the advice is shown to the model; the numbers stay ours.
    """
    advice = [lesson.advice for lesson in lessons]
    per = policy.texts_per_call
    prompts = [rewording_prompt(advice[i : i + per]) for i in range(0, len(advice), per)]
    notes: list[str] = []
    reworded = list(lessons)
    for i, text in await _texts(model, prompts, policy, notes):
        if i >= len(lessons):
            continue
        sentence = text.strip().rstrip(".")
        lost = lost_in_rewording(advice[i].rstrip("."), sentence) or ("" if sentence else "it is empty")
        if lost:
            notes.append(f"the wording of {lessons[i].id} is ours: in the model's, {lost}")
        else:
            reworded[i] = msgspec.structs.replace(lessons[i], words=sentence)
    return tuple(reworded), tuple(notes)


async def merge_memories(model: LanguageModel, contents: Sequence[str], policy: AssistantPolicy) -> Merger:
    """One text that says all that ``contents`` (the oldest first) say; without it they stay side by side."""
    if sum(map(estimate_tokens, contents)) > policy.output_tokens:
        return Merger(None, "not merged: together they are too long")
    notes: list[str] = []
    request = make_request(merging_prompt(contents), _Text, policy)
    for _, answer in await ask(model, [request], notes):
        merged = answer.get("text")
        if not isinstance(merged, str) or not merged.strip():
            return Merger(None, "the model wrote nothing")
        lost = lost_in_merging(contents, merged)
        return Merger(None, f"not merged: in the model's text, {lost}") if lost else Merger(merged.strip() + "\n")
    return Merger(None, "; ".join(notes))


async def _texts(
    model: LanguageModel, prompts: Sequence[Prompt], policy: AssistantPolicy, notes: list[str]
) -> list[tuple[int, str]]:
    """Position and text of what the model wrote for numbered pieces, ``texts_per_call`` to a prompt."""
    requests = [make_request(prompt, _NumberedList, policy) for prompt in prompts]
    texts: dict[int, str] = {}
    for call, answer in await ask(model, requests, notes):
        try:
            listed = msgspec.convert(answer, _NumberedList).texts
        except msgspec.ValidationError as error:
            notes.append(f"{requests[call].purpose}: {reason_of(error)}")
            continue
        for item in listed:
            if 1 <= item.number <= policy.texts_per_call:
                texts.setdefault(call * policy.texts_per_call + item.number - 1, item.text)
    return list(texts.items())
