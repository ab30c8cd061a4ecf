"""Durable work: dreams as workflows that survive being killed."""
