"""Room 6: what recurs. Flows, recoveries, themes, weak segments, trends, anomalies, wording."""
