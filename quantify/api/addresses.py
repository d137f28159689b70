"""Where a request comes from: what a client says of that counts only behind a known proxy."""

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest


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
