"""Running the turns of live sessions: requests to models, calls of tools, and the log that both are written to."""
