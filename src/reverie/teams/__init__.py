"""Who does which part, and how it is handed over: delegations, checks, routing (``design/035-teams.md``)."""
