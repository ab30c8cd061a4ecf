import pytest

from reverie.api.webhook_target import check_url, find_target
from reverie.errors import InputError
from reverie.turns.public_transport import Resolve


def answering(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> list[str]:  # noqa: ARG001 - the signature of a resolver
        return list(addresses)

    return resolve


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    target = await find_target(
        "https://hook.example.com:8443/in?x=1", private=False, resolve=answering("93.184.215.14")
    )
    assert target.url == "https://93.184.215.14:8443/in?x=1"
    assert target.headers == {"host": "hook.example.com:8443"}
    assert target.extensions == {"sni_hostname": "hook.example.com"}


async def test_an_address_of_the_new_kind_is_connected_to_as_well() -> None:
    resolve = answering("2606:2800:21f:cb07:6820:80da:af6b:8b2c")
    target = await find_target("https://hook.example.com", private=False, resolve=resolve)
    assert target.url.startswith("https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
    ],
)
async def test_a_name_with_any_private_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="public internet"):
        await find_target("https://hook.example.com", private=False, resolve=answering("93.184.215.14", address))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook.example.com",
        "http://hook.example.com",
        "ftp://hook.example.com",
        "https://",
        "https://user:password@hook.example.com",
        "https://127.0.0.1",
        "https://[::1]/",
        "https://[::ffff:7f00:1]/",
    ],
)
def test_what_is_no_public_address_is_refused_when_it_is_given(url: str) -> None:
    with pytest.raises(InputError, match="url"):
        check_url(url, private=False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/hook", "https://10.0.0.1"])
async def test_a_server_that_was_told_so_reaches_private_networks(url: str) -> None:
    assert (await find_target(url, private=True, resolve=answering())).url == url
