"""Memory stores: documents, revisions, recall."""
