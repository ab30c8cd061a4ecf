"""Room 3: what a session amounted to. Named behaviours, each with the event that proves it."""
