"""Room 6: what is remembered. Stores of versioned documents, with revisions and recall."""
