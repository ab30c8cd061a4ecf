"""Who uses what was learnt: agent definitions, their tools, how they are changed."""
