"""Sessions of Claude Code: its session files, and what ``claude -p`` prints."""

from reverie.sessions.importers.claude_code.conversation import parse_claude_code

__all__ = ["parse_claude_code"]
