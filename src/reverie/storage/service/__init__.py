"""The managed resources behind the API: agents, environments, files, skills, vaults, webhooks."""
