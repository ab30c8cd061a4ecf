"""The open database: connections, schema, processes, secrets."""
