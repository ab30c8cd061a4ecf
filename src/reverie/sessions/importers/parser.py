"""From one raw record to its transcript, whatever its format."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from reverie.sessions.import_problem import ImportProblem
from reverie.sessions.importers.chat import parse_chat
from reverie.sessions.importers.claude_code import parse_claude_code
from reverie.sessions.importers.draft import Draft, finish, with_tags
from reverie.sessions.importers.intercode import parse_intercode
from reverie.sessions.importers.json_text import storable
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.importers.reverie_lines import parse_reverie
from reverie.sessions.importers.tau_bench import parse_tau_bench
from reverie.sessions.session import Transcript

_PARSERS: Mapping[str, Callable[[bytes, Mapping[str, str]], Draft]] = {
    "chat": parse_chat,
    "intercode": parse_intercode,
    "tau-bench": parse_tau_bench,
}


MOST_WARNINGS = 20
"""Warnings listed of one session; the rest are counted."""


def parse_record(
    record: RawRecord,
    overrides: Mapping[str, str],
    warnings: list[ImportProblem] | None = None,
    words: Mapping[str, Mapping[str, float]] = {},
) -> Transcript:
    """The transcript that ``record`` holds, tagged with ``overrides``.

    ``overrides`` are session fields (agent, agent_version, model, task_id, task_category, user_id) and, under any
    other name, metadata; ``{stem}`` in a value stands for the file's name without its suffixes. To ``warnings`` is
    added what could not be kept as the source has it. ``words`` gives numbers to scores that are words, by metric.

    Raises:
        ImportFormatError: the record cannot be read; says why, and names the field.
    """
    context: dict[str, str] = storable(record.context)
    tags = {name: storable(value.replace("{stem}", context.get("stem", ""))) for name, value in overrides.items()}
    if record.format == "reverie":
        transcript, aside = parse_reverie(record.data)
        if warnings is not None:
            warnings.extend(ImportProblem(record.path, record.line, reason) for reason in aside)
        return msgspec.structs.replace(transcript, session=with_tags(transcript.session, tags))
    if record.format == "claude-code":
        draft = parse_claude_code(record, context)
    else:
        draft = _PARSERS[record.format](record.data, context)
    transcript = finish(draft, tags, words)
    if warnings is not None:
        warnings.extend(_warnings(record, draft.log.warnings))
    return transcript


def _warnings(record: RawRecord, found: Sequence[tuple[int, str, str]]) -> Iterator[ImportProblem]:
    for line, reason, path in found[:MOST_WARNINGS]:
        yield ImportProblem(path or record.path, line or record.line, reason)
    more = len(found) - MOST_WARNINGS
    if more > 0:
        yield ImportProblem(record.path, record.line, f"{more} more warnings of this session")
