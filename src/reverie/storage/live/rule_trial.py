"""Rules tried on the sessions of a segment, one session in memory at a time."""

import asyncio
import secrets

import msgspec

from reverie.runtime.rule import RuleSet, RuleSetVersion
from reverie.runtime.rule_report import RuleTrialReport
from reverie.runtime.rule_trial import TrialCount, look_through
from reverie.runtime.rules import RuleBook
from reverie.sessions.segment import Segment
from reverie.sessions.session import Transcript
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.installation import find_redaction_key
from reverie.storage.sessions.prepare import redacted_live
from reverie.storage.sessions.transcripts import stream_transcripts

_KEY_BYTES = 32


async def try_rules(database: Database, rules: RuleSet, segment: Segment) -> RuleTrialReport:
    """What a rule set would have stopped.

    Rules see live sessions as they were, before redaction, as they do while a session goes on; examples are redacted.
    """
    tried = RuleSetVersion("", 0, rules)
    book, count = RuleBook([tried]), TrialCount(tried)
    async with database.connection() as connection:
        # Where nothing has been redacted yet there is no key; placeholders of a passing one do for examples.
        key = await find_redaction_key(connection) or secrets.token_bytes(_KEY_BYTES)

    def look(transcript: Transcript) -> None:
        found = look_through(book, transcript.session.id, transcript.events)
        events = tuple(event for _, event in found.shown)
        redacted = redacted_live(Transcript(transcript.session, events), key).events
        places = (place for place, _ in found.shown)
        count.add(msgspec.structs.replace(found, shown=tuple(zip(places, redacted, strict=True))))

    async for transcript in stream_transcripts(database, segment, redact=False):
        await asyncio.to_thread(look, transcript)
    return count.report()
