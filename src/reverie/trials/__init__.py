"""Room 9: is a lesson that was learned any good, now, for this agent? Draws, evidence, decisions."""
