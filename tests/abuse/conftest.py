"""The server process and the clients of the conformance tests."""

from tests.conformance.conftest import served as served
from tests.conformance.conftest import world as world
