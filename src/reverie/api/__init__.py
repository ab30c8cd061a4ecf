"""The HTTP edge: the Managed Agents wire API and what Reverie adds to it."""
