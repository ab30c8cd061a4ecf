"""The memory settings of a store, each with its unit."""

from typing import Annotated

import msgspec

_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_ShareBelowOne = Annotated[float, msgspec.Meta(ge=0, lt=1)]
_Count = Annotated[int, msgspec.Meta(ge=0)]
_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Amount = Annotated[float, msgspec.Meta(ge=0)]


class RecallPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How relevance is measured. The defaults were chosen on dialogues: see the evaluation in the documentation."""

    candidates: _Positive = 200
    """Memories that the words alone bring forward, to be looked at with their neighbours and by meaning."""
    context_reach: _Count = 2
    """How many memories before and after one in a numbered series count towards it; 0 turns context off."""
    context_decay: _Share = 0.5
    """Share of a neighbour's words that count, once per step away (0 to 1)."""
    meaning_weight: _ShareBelowOne = 0.3
    """Share of relevance that the text vectors decide, where an embedder is given (0 to 1)."""
    scope_lessons: _Count = 2
    """Most lessons that may be found because they are for whoever asks, whatever the words; 0 turns that off."""
    scope_weight: _Share = 0.2
    """What that adds to the surest of these, as a share of what the best memory by words leaves open (0 to 1)."""


class SaliencePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much use and proven effect move a memory beside its relevance; 0 turns a part off."""

    activation_weight: _Share = 0.2
    """The share of its relevance that a memory loses when it is quite forgotten (0 to 1)."""
    impact_weight: _Amount = 0.5
    """What a lesson gains for each whole unit of reward that its effect has for certain."""
    confirmed_weight: _Amount = 3.0
    """How many recalls one confirmation is worth."""
    short_decay: _ShareBelowOne = 0.8
    """Exponent of forgetting in the short tier."""
    intermediate_decay: _ShareBelowOne = 0.5
    """Exponent of forgetting in the intermediate tier; 0.5 is the usual one in the literature."""
    long_decay: _ShareBelowOne = 0.2
    """Exponent of forgetting in the long tier."""


class TierPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a memory is promoted, demoted or expires."""

    short_days: _Amount = 7.0
    """A short memory that nobody used for so long expires."""
    promotion_uses: _Positive = 3
    """Recalls that make a short memory intermediate; one confirmation does too."""
    long_windows: _Positive = 2
    """Disjoint time windows in which a memory must have been confirmed to be long."""
    long_strata: _Count = 3
    """Strata that must have confirmed it, over all windows."""
    stale_days: _Amount = 180.0
    """A long memory not confirmed for so long is intermediate again."""
    idle_days: _Amount = 90.0
    """An intermediate memory neither written, used nor confirmed for so long is short; lessons are exempt."""


class ConsolidationPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a dream may do to agents' own free text."""

    near_duplicate: _Share = 0.8
    """Overlap of three-word sequences (Jaccard, 0 to 1) from which two texts are the same."""
    loss_cap: _Share = 0.2
    """Largest share of a store's memories that may vanish in one dream (0 to 1); one may always."""


class BudgetPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much a store keeps; a dream takes the least salient to history until it fits."""

    most_memories: _Count = 2_000
    most_bytes: _Count = 50_000_000
    """Of content, as UTF-8."""
    shown_tokens: _Count = 4_000
    """Most tokens that one recall shows, at four bytes a token."""


class MemoryPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every memory setting of a store."""

    recall: RecallPolicy = RecallPolicy()
    salience: SaliencePolicy = SaliencePolicy()
    tiers: TierPolicy = TierPolicy()
    consolidation: ConsolidationPolicy = ConsolidationPolicy()
    budget: BudgetPolicy = BudgetPolicy()
