"""Room 1: what happened. Sessions and their append-only events, imported and redacted."""
