"""What a proxy says of a request: it counts if the proxy is one of DEEPLAB_TRUSTED_PROXIES."""

import ipaddress

from flask import request

from web.context import current_settings


def comes_from_proxy() -> bool:
    """Whether a trusted proxy passed this request on."""
    return _is_trusted(request.remote_addr or "")


def is_https() -> bool:
    """Whether the browser speaks HTTPS with a trusted proxy."""
    return comes_from_proxy() and request.headers.get("X-Forwarded-Proto", "").strip().lower() == "https"


def client_address() -> str:
    """The address that a request comes from: the last one in X-Forwarded-For that is no trusted proxy."""
    peer = request.remote_addr or ""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    while hops and _is_trusted(peer):
        peer = hops.pop()
    return peer[:64]


def _is_trusted(address: str) -> bool:
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:  # no address at all
        return False
    if isinstance(peer, ipaddress.IPv6Address) and peer.ipv4_mapped is not None:
        peer = peer.ipv4_mapped
    return any(peer in network for network in current_settings().trusted_proxies)
