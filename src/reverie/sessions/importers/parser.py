"""From one raw record to its transcript, whatever its format."""

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from reverie.sessions.import_problem import ImportProblem
from reverie.sessions.importers.draft import finish, with_tags
from reverie.sessions.importers.importer import Whole
from reverie.sessions.importers.json_text import storable
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.importers.registry import importer_named
from reverie.sessions.session import Transcript

MOST_WARNINGS = 20
"""Warnings listed of one session; the rest are counted."""
_PLACE = re.compile(r"\{(stem|folder)\}")


def parse_record(
    record: RawRecord,
    overrides: Mapping[str, str],
    warnings: list[ImportProblem] | None = None,
    words: Mapping[str, Mapping[str, float]] = {},
) -> Transcript:
    """The transcript that ``record`` holds, tagged with ``overrides``.

    ``overrides`` are session fields (agent, agent_version, model, task_id, task_category, user_id) and, under any
    other name, metadata; ``{stem}`` in a value stands for the file's name without its suffixes, ``{folder}`` for the
    name of its folder. To ``warnings`` is added what could not be kept as the source has it. ``words`` gives numbers to
    scores that are words, by metric.

    Raises:
        ImportFormatError: the record cannot be read; says why, and names the field.
        ExtensionError: its importer is another package's, and broken.
    """
    context: dict[str, str] = storable(record.context)
    tags = {name: storable(_filled_in(value, context)) for name, value in overrides.items()}
    importer = importer_named(record.format)
    parsed = importer.parse(record if context == record.context else msgspec.structs.replace(record, context=context))
    if isinstance(parsed, Whole):
        found = [(0, reason, "") for reason in parsed.warnings]
        transcript = msgspec.structs.replace(parsed.transcript, session=with_tags(parsed.transcript.session, tags))
    else:
        transcript = finish(parsed, tags, words, importer.identity)
        found = parsed.log.warnings
    if "broken_off" in context:
        found = [(0, context["broken_off"], ""), *found]
    if warnings is not None:
        warnings.extend(_warnings(record, found))
    return transcript


def _filled_in(value: str, context: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda found: context.get(found[1], ""), value)


def _warnings(record: RawRecord, found: Sequence[tuple[int, str, str]]) -> Iterator[ImportProblem]:
    for line, reason, path in found[:MOST_WARNINGS]:
        yield ImportProblem(path or record.path, line or record.line, reason)
    more = len(found) - MOST_WARNINGS
    if more > 0:
        yield ImportProblem(record.path, record.line, f"{more} more warnings of this session")
