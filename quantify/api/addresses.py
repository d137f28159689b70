"""Where a request comes from: what a client says of that counts only behind a known proxy."""

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

OF_ONE_SUBSCRIBER = 64
"""The bits of an IPv6 address that a network gives; the rest a client chooses as it likes."""


def of(request: HttpRequest) -> str:
    """
    The address of the client.

    That of the connection, unless it is one of `TRUSTED_PROXIES`: then the last address of
    `X-Forwarded-For` that is none of them, since a client may write whatever it likes before.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    if not _is_trusted(peer):
        return peer
    told = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    for address in reversed(told):
        if not _is_address(address):
            return peer
        if not _is_trusted(address):
            return address
    return peer


def counted_as(request: HttpRequest) -> str:
    """
    Under which address the requests of a client are counted together.

    Its own, of IPv6 the first of its network: else each guess could come from another one.
    """
    return _network_of(of(request))


@lru_cache(10_000)
def _network_of(address: str) -> str:
    if not _is_address(address):
        return address
    known = ip_address(address)
    if not isinstance(known, IPv6Address):
        return address
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    network = IPv6Network((int(known), OF_ONE_SUBSCRIBER), strict=False)
    return str(network.network_address)


def _is_trusted(address: str) -> bool:
    if not settings.TRUSTED_PROXIES or not _is_address(address):
        return False
    return any(ip_address(address) in ip_network(one) for one in settings.TRUSTED_PROXIES)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
