"""Secrets and personal data replaced before anything is kept."""

from reverie.sessions.redaction.redactor import Redactor

__all__ = ["Redactor"]
