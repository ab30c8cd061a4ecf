"""Traces of OpenTelemetry: OTLP JSON, as the collector's file exporter and the SDKs' exporters write it."""

from reverie.sessions.importers.draft import Draft
from reverie.sessions.importers.importer import Importer, Keys
from reverie.sessions.importers.otlp.assembly import assemble
from reverie.sessions.importers.otlp.joining import KINSHIP, NAME, joined_of
from reverie.sessions.importers.record import RawRecord

__all__ = ["IMPORTER"]

_TELLING_KEYS = frozenset({"resourceSpans", "resource_spans", "resourceLogs", "resource_logs"})


def _parse(record: RawRecord) -> Draft:
    """Read one session.

    Raises:
        ImportFormatError: there is nothing of an agent in its spans.
    """
    joined = joined_of(record.data)
    return assemble(joined.session_id, joined.spans)


def _is_otlp(keys: Keys) -> bool:
    return not (keys.top - keys.objects).isdisjoint(_TELLING_KEYS)


IMPORTER = Importer(NAME, _parse, has_keys=_is_otlp, kinship=KINSHIP)
