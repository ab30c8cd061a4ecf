from tests.api.conftest import client, http, reverie, server

__all__ = ["client", "http", "reverie", "server"]
