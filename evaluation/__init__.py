"""How well dreams find what is true: planted worlds, baselines, replication on real traces, calibration."""
