"""Traces as rows: runs that name their parents, as tools for tracing keep them, with inputs and outputs of any form.

Each tool is a :class:`~reverie.sessions.importers.tracing.source.TraceSource`: how its rows become the spans that the
OpenTelemetry importer assembles sessions from.
"""
