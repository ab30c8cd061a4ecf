"""The stage that mines: every behaviour, proposed ones included, against every outcome, with the placebo."""

import asyncio
from collections.abc import Sequence

import numpy as np

from reverie.assist.consultation import Consultation, judge, with_earlier
from reverie.assist.proposed_columns import extend_corpus
from reverie.digests.derived.occurrence import Trace
from reverie.dreams.policy import DreamPolicy
from reverie.jobs.labelled_claims import FewScores, read_few_scores
from reverie.jobs.predicate_matches import find_all_matches
from reverie.jobs.proxies import read_traces
from reverie.jobs.stages.member_mining import mine_members
from reverie.jobs.stages.stage import OpenDream, Stage
from reverie.mining.few_scored import add_labelled, nothing_labelled
from reverie.mining.implicit import mine_implicit
from reverie.mining.mine import MiningResult, mine
from reverie.statistics.corpus import Corpus
from reverie.storage.learning.consultations import (
    earlier_proposals,
    read_contribution,
    scored_sessions,
    write_contribution,
)
from reverie.storage.learning.dreams import read_wealth
from reverie.storage.learning.findings import write_findings
from reverie.storage.learning.measures import load_measures
from reverie.storage.postgres.database import Connection


async def mine_sessions(stage: Stage) -> None:
    """Test every behaviour; the findings, and what became of each proposal, are kept with the dream."""
    runtime, mining = stage.runtime, stage.runtime.policy.mining
    async with stage.opened() as dream:
        connection, segment, last_key = dream.connection, dream.segment, dream.last_session_key
        wealth = await read_wealth(connection, dream.row.memory_store_id)
        corpus = await dream.corpus()
        measures = await load_measures(
            connection, segment, last_key, corpus.session_ids, mining.outcomes, runtime.policy.metrics
        )
        traces = await _traces(connection, dream, corpus) if runtime.policy.implicit.use == "unscored" else None
        few = await _few_scores(connection, dream, corpus)
        earlier = await earlier_proposals(connection, dream.row)
        proposals = with_earlier(earlier, await read_contribution(connection, stage.dream_id, Consultation))
        ids = await scored_sessions(connection, segment, last_key) if proposals.proposals else {}
    matches = await find_all_matches(stage.workers, runtime.database.url, ids, proposals.proposals)
    families = await dream.families(corpus)
    extended = await asyncio.to_thread(extend_corpus, corpus, matches)
    if traces is None:
        findings = await asyncio.to_thread(mine, extended, mining, wealth, families, measures)
    else:
        implicit = runtime.policy.implicit
        findings = await asyncio.to_thread(mine_implicit, extended, traces, mining, implicit, wealth, families)
    if few is not None:
        findings = await asyncio.to_thread(_with_labels, findings, few, corpus, families, runtime.policy)
    judgement = judge(proposals, matches, findings.everything(), mining)
    async with runtime.database.connection() as connection:
        await write_findings(connection, stage.dream_id, findings)
        await write_contribution(connection, stage.dream_id, judgement)
    if not findings.implicit:
        await mine_members(stage)


async def _few_scores(connection: Connection, dream: OpenDream, corpus: Corpus) -> FewScores | None:
    """The labels and the proxy, where few of the corpus's sessions are scored."""
    policy, where = dream.runtime.policy, dream.row.request.where
    return await read_few_scores(connection, dream.segment, dream.last_session_key, where, corpus, policy)


def _with_labels(
    findings: MiningResult, few: FewScores, corpus: Corpus, families: Sequence[str] | None, policy: DreamPolicy
) -> MiningResult:
    """The findings with what few labels say. Behaviours that a model thought of are looked for in scored sessions
    alone, so that the columns are those of the digests."""
    proxy, covered = policy.labels.proxy, np.flatnonzero(few.covered).tolist()
    if few.note:
        return nothing_labelled(findings, few.labels, proxy, few.note)
    return add_labelled(
        findings,
        corpus.kept(few.covered),
        few.labels,
        policy.mining,
        None if families is None else [families[i] for i in covered],
        proxy=proxy,
        is_excluded=few.proxies.is_excluded,
    )


async def _traces(connection: Connection, dream: OpenDream, corpus: Corpus) -> list[Trace] | None:
    """What shows how each session of the corpus went, where none of them has a score; None where one has."""
    if not corpus.session_ids or not np.isnan(corpus.reward).all():
        return None
    return await read_traces(connection, dream.segment, dream.last_session_key, corpus.session_ids)
