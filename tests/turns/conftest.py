from tests.api.conftest import client, http, server

__all__ = ["client", "http", "server"]
