"""Self-hosted managed agents that learn from their own past sessions by dreaming."""
