import httpx2
import pytest

from reverie.turns.public_transport import AddressRefused, PublicTransport


def transport(*addresses: str) -> PublicTransport:
    async def resolve(_host: str, _port: int) -> list[str]:
        return list(addresses)

    return PublicTransport("--private-mcp", resolve)


@pytest.mark.parametrize(
    "addresses",
    [("127.0.0.1",), ("10.0.0.1",), ("169.254.169.254",), ("::1",), ("::ffff:10.0.0.1",), ("8.8.8.8", "192.168.0.1")],
)
async def test_a_name_that_stands_for_a_private_address_is_refused(addresses: tuple[str, ...]) -> None:
    async with httpx2.AsyncClient(transport=transport(*addresses)) as http:
        with pytest.raises(AddressRefused, match=r"tools\.example is not on the public internet.*--private-mcp"):
            await http.get("https://tools.example/mcp")


async def test_plain_http_is_refused() -> None:
    async with httpx2.AsyncClient(transport=transport("8.8.8.8")) as http:
        with pytest.raises(AddressRefused, match="use https://"):
            await http.get("http://tools.example/mcp")


async def test_a_request_goes_to_the_address_that_was_checked_under_its_own_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = []

    async def keep(_transport: object, request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200)

    monkeypatch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", keep)
    async with httpx2.AsyncClient(transport=transport("8.8.8.8")) as http:
        answer = await http.post("https://tools.example:8443/mcp", content=b"hello")
    (request,) = sent
    assert (str(request.url), request.headers["host"]) == ("https://8.8.8.8:8443/mcp", "tools.example:8443")
    assert request.extensions["sni_hostname"] == "tools.example"
    assert str(answer.request.url) == "https://tools.example:8443/mcp"
