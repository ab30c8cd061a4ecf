"""The database: sessions, scores, digests, memory and dreams on PostgreSQL."""
