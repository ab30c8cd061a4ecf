"""Room 2: how well it went, and on whose word. Metrics, scores, reward."""
