"""The console: pages at ``/console`` for people, who see and do there what their key may see and do over the API.

The console has no powers of its own. Each page asks the API, in this process, with the visitor's key, so that roles,
limits, validation and the audit log are the API's (``design/034-console.md``).
"""
