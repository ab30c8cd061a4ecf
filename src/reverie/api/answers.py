"""Answers of the wire API that the SDK has no name of their own for. Loaded when needed, since it loads the SDK."""

from anthropic.types.beta.environments import BetaSelfHostedWork

PolledWork = BetaSelfHostedWork | None
"""What a poll gives: a piece of work, or null when there is none."""
