"""Signals: what a session's own course shows of how it went, each occurrence with the event that proves it.

They are named for what they are (``user_corrections``, ``tests_passed``) and are no score. Unlike behaviours they know
the end of the session.
"""
