"""Room 12: who uses what was learnt. Agent definitions, their tools, skills and schedules."""
