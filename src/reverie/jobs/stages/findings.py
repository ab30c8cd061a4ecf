"""The stage that mines: every behaviour, proposed ones included, against every outcome, with the placebo."""

import asyncio

from reverie.assist.consultation import Consultation, judge, with_earlier
from reverie.assist.proposed_columns import extend_corpus
from reverie.jobs.predicate_matches import find_all_matches
from reverie.jobs.stages.stage import Stage
from reverie.mining.mine import mine
from reverie.storage.learning.consultations import (
    earlier_proposals,
    read_contribution,
    scored_sessions,
    write_contribution,
)
from reverie.storage.learning.dreams import read_wealth
from reverie.storage.learning.findings import write_findings
from reverie.storage.learning.measures import load_measures


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
        earlier = await earlier_proposals(connection, dream.row)
        proposals = with_earlier(earlier, await read_contribution(connection, stage.dream_id, Consultation))
        ids = await scored_sessions(connection, segment, last_key) if proposals.proposals else {}
    matches = await find_all_matches(stage.workers, runtime.database.url, ids, proposals.proposals)
    families = await dream.families(corpus)
    extended = await asyncio.to_thread(extend_corpus, corpus, matches)
    findings = await asyncio.to_thread(mine, extended, mining, wealth, families, measures)
    judgement = judge(proposals, matches, findings.everything(), mining)
    async with runtime.database.connection() as connection:
        await write_findings(connection, stage.dream_id, findings)
        await write_contribution(connection, stage.dream_id, judgement)
