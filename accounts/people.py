"""Who is at work."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts.models import User


def signed_in(request: HttpRequest) -> User:
    """
    The person who sent the request.

    :raises django.core.exceptions.PermissionDenied: if nobody is signed in.
    """
    if isinstance(request.user, User):
        return request.user
    raise PermissionDenied("Sign in first.")
