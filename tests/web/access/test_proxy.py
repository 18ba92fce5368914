import pytest

from web import create_app
from web.access.proxy import client_address, comes_from_proxy, is_https
from worker.jobs.settings import Settings, load_settings

PROXIES = {"trusted_proxies": "192.0.2.1, 2001:db8::/32"}


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", "198.51.100.9", "198.51.100.9"),
        ("192.0.2.1", "203.0.113.66, 198.51.100.9", "198.51.100.9"),  # the first is what the client claims
        ("192.0.2.1", "198.51.100.9, 2001:db8::5", "198.51.100.9"),
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.2", "198.51.100.9", "192.0.2.2"),
        ("2001:db8::5", "x" * 100, "x" * 64),
    ],
)
def test_the_client_is_the_last_hop_that_is_no_trusted_proxy(
    new_settings: Settings, peer: str, forwarded: str, expected: str
) -> None:
    app = create_app(load_settings(home=new_settings.home, **PROXIES))
    headers = {"X-Forwarded-For": forwarded}
    with app.test_request_context(headers=headers, environ_base={"REMOTE_ADDR": peer}):
        assert client_address() == expected


def test_https_is_believed_of_a_trusted_proxy_alone(new_settings: Settings) -> None:
    app = create_app(load_settings(home=new_settings.home, **PROXIES))
    headers = {"X-Forwarded-Proto": "https"}
    for peer, trusted in (("192.0.2.1", True), ("127.0.0.1", False), ("unix:", False)):
        with app.test_request_context(headers=headers, environ_base={"REMOTE_ADDR": peer}):
            assert (comes_from_proxy(), is_https()) == (trusted, trusted)
    with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.1"}):
        assert not is_https()
