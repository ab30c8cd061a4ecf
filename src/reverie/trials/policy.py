"""How the lessons of a store are tried live."""

from typing import Annotated, Literal

import msgspec

Mode = Literal["off", "observe", "ask", "act"]
Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Level = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Days = Annotated[int, msgspec.Meta(ge=1, le=3_650)]

GuardrailName = Literal["errors", "denials", "tokens", "seconds", "cost_usd", "negative_feedback", "unscored"]


class ShareStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From which exposure on which share of the eligible sessions is shown the subject."""

    from_exposure: Annotated[int, msgspec.Meta(ge=0)]
    share: Share


class GuardrailPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that must not get worse by more than a margin, whatever becomes of the reward."""

    measure: GuardrailName
    margin: Annotated[float, msgspec.Meta(ge=0)] = 0.25
    """Of the mean of earlier sessions; of ``unscored`` and ``negative_feedback`` in shares of sessions."""
    alpha: Level = 0.01


class LivePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Trials of a store's lessons; shares and levels between 0 and 1, both excluded."""

    mode: Mode = "off"
    """``off``: a dream adopts. ``observe``: numbers, no act. ``ask``: a person decides. ``act``: outcomes decide."""
    shares: tuple[ShareStep, ...] = (ShareStep(0, 0.5),)
    """Share shown, from exposure to exposure; it may rise, never fall, so that nobody is shown and then not."""
    unit: Literal["session", "user"] = "session"
    """What is drawn; with ``user`` all sessions of a user are alike, and the first one counts."""
    alpha_harm: Level = 0.05
    benefit_fdr: Level = 0.10
    """Share of false ones among a dream's lessons that are adopted."""
    least_effect: Share = 0.05
    """In reward; a lesson whose effect is surely less is rejected, since it does not matter."""
    horizon_exposures: Count = 800
    horizon_days: Days = 90
    outcome_deadline_days: Days = 7
    """After so long a session without a score counts as one whose score is missing."""
    at_horizon: Literal["adopt_with_holdback", "keep", "reject"] = "adopt_with_holdback"
    """What becomes of a lesson on which the trial was inconclusive."""
    hidden_share: Share = 0.10
    """Share of eligible sessions that do without an adopted lesson, for the first ``hidden_exposures``."""
    hidden_share_later: Share = 0.05
    hidden_exposures: Count = 400
    run_length: Annotated[float, msgspec.Meta(ge=100, le=1e12)] = 10_000
    """Exposures to an unharmful adopted lesson until a false alarm, on average, at least."""
    most_in_a_session: Count = 5
    """Trials that one session takes part in, at most."""
    least_exposures: Count = 400
    """A trial that would see fewer within its horizon is not begun: see ``low_traffic_hidden_share``."""
    low_traffic_hidden_share: Share = 0.20
    memory_holdout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    """Share of sessions that are shown nothing of the store at all."""
    guardrails: tuple[GuardrailPolicy, ...] = (
        GuardrailPolicy("errors", 0.5),
        GuardrailPolicy("denials", 0.5),
        GuardrailPolicy("tokens", 0.5),
        GuardrailPolicy("seconds", 0.5),
        GuardrailPolicy("cost_usd", 0.5),
        GuardrailPolicy("negative_feedback", 0.05),
        GuardrailPolicy("unscored", 0.05),
    )

    def __post_init__(self) -> None:
        begins = [step.from_exposure for step in self.shares]
        shares = [step.share for step in self.shares]
        if not begins or begins[0] != 0 or begins != sorted(set(begins)):
            raise ValueError("shares: the first step is from exposure 0, and each further one from a later exposure")
        if shares != sorted(shares):
            raise ValueError("shares: a share may rise from step to step and never fall")
        if self.hidden_share_later > self.hidden_share:
            raise ValueError("hidden_share_later must not be more than hidden_share")
        if len({guardrail.measure for guardrail in self.guardrails}) < len(self.guardrails):
            raise ValueError("guardrails: a measure is named twice")
