"""The one thing to do next where tasks do not repeat, as results say it."""

NO_TASK_IDS = "give the sessions task ids (`task_id`)"
NO_REPEATS = "run each task several times under its `task_id`"
