"""Room 5: what separates good sessions from bad ones of the same task. Hypotheses tested, refused or believed."""
