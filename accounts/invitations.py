"""
Links with which people set their own password: an invitation, or a new beginning.

Nothing is stored: the link carries a code made from the person's password, address and last
sign-in, and is worth nothing once one of them changed, or after `PASSWORD_RESET_TIMEOUT`.
"""

from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User


def path_for(user: User) -> str:
    """The path at which a person sets a password."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return reverse("set-password", kwargs={"uidb64": uid, "token": token})
