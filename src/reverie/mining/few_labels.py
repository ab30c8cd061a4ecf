"""Claims where few sessions have a score and a proxy is known of all: found on the proxy, confirmed on the labels.

What mining finds needs scores on both parts of the sessions. Where only some have one, a claim is found by what it goes
with in the proxy, on the part kept for discovery, and estimated by prediction-powered inference on the other part,
whose labels and proxies the search has not seen. Selection by the proxy therefore costs nothing of the level.
"""

import dataclasses
from collections.abc import Sequence

import msgspec
import numpy as np

from reverie.mining.comparison_group import form_groups
from reverie.mining.finding import Hypothesis
from reverie.mining.layout import Layout
from reverie.mining.policy import MiningPolicy
from reverie.mining.verdicts import Column
from reverie.statistics.calibration import Calibration, calibrate
from reverie.statistics.corpus import Corpus, Flags, Floats, form_strata
from reverie.statistics.distributions import benjamini_hochberg, normal_sf
from reverie.statistics.estimate import Design, Estimates, estimate, join_estimates
from reverie.statistics.prediction_powered import LabelledEffect, Labels, estimate_effect, predict_scores


class LabelledClaim(msgspec.Struct, frozen=True):
    """A claim that the proxy suggests, and what labels say of it."""

    hypothesis: Hypothesis
    proxy_effect: float
    """On the part that found it, as the proxy has it."""
    effect: LabelledEffect | None
    """On the other part; None where labels are too few."""
    q_value: float | None
    """False discovery rate at which the labels confirm it; None where they are too few."""
    confirmed: bool


class LabelledClaims(msgspec.Struct, frozen=True):
    """What few labels say."""

    labels: int
    sessions: int
    calibration: Calibration
    """How well the proxies, together and cross-fitted, predict the score."""
    claims: tuple[LabelledClaim, ...]
    """The surest first."""
    note: str = ""


def labelled_claims(layout: Layout, labels: Labels, policy: MiningPolicy) -> LabelledClaims:
    """Claims that the proxies suggest on the discovery part, tested by the labels of the other part.

    ``layout`` holds all sessions that labels stand for, scored or not; ``labels`` are parallel to its corpus, on the
    scale from 0 to 1, and their first proxy is what claims are found by.
    """
    strata, proxy = layout.strata, _ranged(labels.proxies[:, 0])
    prediction = predict_scores(labels, strata.code, seed=policy.seed)
    calibration = calibrate(np.clip(prediction, 0, 1), labels.score, strata.code)
    columns = [Column(group, i) for group in layout.groups for i in range(len(group.hypotheses))]
    first = join_estimates([estimate(group.discovery, proxy[group.discovery.sessions]) for group in layout.groups])
    found = _found(columns, first, policy)
    effects = [_effect(columns[i], labels, prediction) for i in found]
    q_values = _confirm([float(first.effect[i]) for i in found], effects)
    claims = [
        LabelledClaim(
            hypothesis=columns[i].hypothesis,
            proxy_effect=float(first.effect[i]),
            effect=effect,
            q_value=q,
            confirmed=q is not None
            and effect is not None
            and q <= policy.confirmation_fdr
            and abs(effect.effect) >= policy.least_effect,
        )
        for i, effect, q in zip(found, effects, q_values, strict=True)
    ]
    told = sum(effect is not None for effect in effects)
    note = "" if told or not found else "the labels are too few to test what the proxy suggests (`reverie label`)"
    order = sorted(
        claims, key=lambda claim: (2.0 if claim.q_value is None else claim.q_value, -abs(claim.proxy_effect))
    )
    return LabelledClaims(int(labels.known.sum()), len(labels.score), calibration, tuple(order), note)


def claims_of(
    corpus: Corpus, labels: Labels, policy: MiningPolicy, families: Sequence[str] | None = None
) -> LabelledClaims:
    """:func:`labelled_claims` of sessions that are not laid out yet; ``labels`` and ``families`` are parallel to them.

    Strata and parts follow from the proxy, as they follow from the score where all have one.
    """
    by_proxy = dataclasses.replace(corpus, reward=_ranged(labels.proxies[:, 0])).sorted_by_code()
    strata = form_strata(by_proxy, families)
    return labelled_claims(Layout(by_proxy, strata, form_groups(by_proxy, strata, policy), []), labels, policy)


def _found(columns: Sequence[Column], first: Estimates, policy: MiningPolicy) -> list[int]:
    """Claims whose effect on the proxy is beyond chance on the discovery part, the strongest first."""
    testable = np.flatnonzero(first.testable(policy.least_weight)) if columns else np.zeros(0, np.int64)
    if testable.size == 0:
        return []
    q = benjamini_hochberg(2 * normal_sf(np.abs(first.z[testable])))
    passing = testable[(q <= policy.discovery_fdr) & (np.abs(first.effect[testable]) >= policy.least_effect)]
    strongest = passing[np.argsort(-np.abs(first.z[passing]), kind="stable")]
    return [int(i) for i in strongest[: policy.most_findings]]


def _effect(column: Column, labels: Labels, prediction: Floats) -> LabelledEffect | None:
    design = column.group.confirmation
    shown = _shown(design, column.number)
    return estimate_effect(
        shown, design.stratum, design.variant, labels.at(design.sessions.astype(np.int32)), prediction[design.sessions]
    )


def _shown(design: Design, column: int) -> Flags:
    shown: Flags = np.zeros(len(design.sessions), np.bool_)
    shown[design.entry_row[design.entry_column == column]] = True
    return shown


def _confirm(directions: Sequence[float], effects: Sequence[LabelledEffect | None]) -> list[float | None]:
    """One-sided false discovery rates over what labels could test (Benjamini & Hochberg 1995)."""
    tested = [i for i, effect in enumerate(effects) if effect is not None]
    q_values: list[float | None] = [None] * len(effects)
    if not tested:
        return q_values
    z = np.array([effect.z for effect in effects if effect is not None])
    signs = np.sign([directions[i] for i in tested])
    for i, q in zip(tested, benjamini_hochberg(normal_sf(z * signs)).tolist(), strict=True):
        q_values[i] = float(q)
    return q_values


def _ranged(proxy: Floats) -> Floats:
    """The proxy on the scale from 0 to 1; its mean where it is not known."""
    known = np.isfinite(proxy)
    if not known.any():
        return np.zeros(len(proxy))
    low, high = float(proxy[known].min()), float(proxy[known].max())
    scaled = (proxy - low) / (high - low) if high > low else np.zeros(len(proxy))
    return np.where(known, scaled, np.nanmean(scaled))
