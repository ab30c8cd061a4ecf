"""Room 8: what is remembered. Stores of versioned documents, with revisions and recall."""
