"""Room 4: what can be said of groups of comparable sessions. Strata, estimates, intervals, error control."""
