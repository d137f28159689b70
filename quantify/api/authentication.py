"""HTTP Basic without a password hash per request."""

import hashlib
from contextlib import suppress

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off
from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_out
from django.core.cache import cache
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.crypto import get_random_string, salted_hmac
from redis.exceptions import RedisError
from rest_framework.authentication import BasicAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from quantify import user_names
from quantify.api import addresses, logs, problems
from quantify.api.problems import Problem

WRONG = "The user name or password is wrong."


class RememberedBasicAuthentication(BasicAuthentication):
    """
    HTTP Basic; a credential that was verified is remembered for a short time.

    What is remembered is a keyed digest of the person, of what their sessions stand on and of the
    password given: it is worth nothing without the secret key, and forgotten when the password
    changes or all sessions end. It is forgotten as well when the person signs out of the portal.
    Whether the person is active is read with each request.
    """

    www_authenticate_realm = settings.BASIC_AUTH_REALM

    def authenticate_credentials(
        self, userid: str, password: str, request: Request | None = None
    ) -> tuple[AbstractBaseUser, None]:
        if request is None:
            raise AuthenticationFailed(WRONG)
        if not user_names.can_be_one(userid):
            address = addresses.of(request._request)
            logs.event("sign_in_failed", request._request, address=address)
            raise AuthenticationFailed(WRONG)
        # One spelling of a name, so that its failures are counted together.
        name = user_names.folded(userid)
        user = self.find(name)
        if user is not None and self._is_remembered(request._request, name, user, password):
            return user, None
        verified = self._verified(request._request, name, password)
        with suppress(RedisError):
            signed_out = cache.get(_signed_out_as(verified), "")
            remembered_as = _remembered_as(verified, password)
            cache.set(remembered_as, signed_out, settings.BASIC_AUTH_REMEMBER_SECONDS)
        return verified, None

    def find(self, name: str) -> AbstractBaseUser | None:
        """The person of a user name, active or not."""
        people = get_user_model()
        try:
            return people._default_manager.get_by_natural_key(name)
        except people.DoesNotExist:
            return None

    @staticmethod
    def _is_remembered(
        request: HttpRequest, name: str, user: AbstractBaseUser, password: str
    ) -> bool:
        if not user.is_active:
            return False
        remembered_as, locked_as = _remembered_as(user, password), _locked_as(request, name)
        signed_out_as = _signed_out_as(user)
        try:
            known = cache.get_many([remembered_as, locked_as, signed_out_as])
        except RedisError:
            # Nothing is remembered then: the password is hashed, the lockout asked.
            return False
        is_current = known.get(remembered_as) == known.get(signed_out_as, "")
        return is_current and locked_as not in known

    @staticmethod
    def _verified(request: HttpRequest, name: str, password: str) -> AbstractBaseUser:
        user = authenticate(request, username=name, password=password)
        if getattr(request, "axes_locked_out", False):
            # The middleware would answer with a page of its own.
            request.axes_locked_out = False  # type: ignore[attr-defined]
            raise _locked_out(request)
        if user is None:
            raise AuthenticationFailed(WRONG)
        # Known before the first write, which forgives earlier failures: the audit trail asks then.
        request.user = user
        ip_address = addresses.counted_as(request)
        AxesProxyHandler.reset_attempts(username=name, ip_address=ip_address)
        with suppress(RedisError):
            cache.delete(_locked_as(request, name))
        return user


def _remembered_as(user: AbstractBaseUser, password: str) -> str:
    value = f"{user.pk}\n{user.get_session_auth_hash()}\n{password}"
    digest = salted_hmac("quantify.api.authentication", value, algorithm="sha256")
    return f"basic:{digest.hexdigest()}"


def _signed_out_as(user: AbstractBaseUser) -> str:
    return f"signed-out:{user.pk}"


def _locked_as(request: HttpRequest, name: str) -> str:
    who = f"{name}\n{addresses.counted_as(request)}"
    return f"locked:{hashlib.sha256(who.encode()).hexdigest()}"


def _locked_out(request: HttpRequest) -> Problem:
    cool_off = get_cool_off(request)
    seconds = str(int(cool_off.total_seconds())) if cool_off else "3600"
    return Problem(problems.LOCKED_OUT, headers={"Retry-After": seconds})


def forget(user: AbstractBaseUser) -> None:
    """
    Let the next request with a person's password hash it again.

    Leaves a mark that outlives what was remembered before: it was remembered with another.
    """
    with suppress(RedisError):
        mark = get_random_string(12)
        cache.set(_signed_out_as(user), mark, settings.BASIC_AUTH_REMEMBER_SECONDS)


@receiver(user_logged_out)
def _forget_who_signs_out(user: AbstractBaseUser | None, **_: object) -> None:
    if user is not None:
        forget(user)


@receiver(user_locked_out)
def _mark_lockout(request: HttpRequest, username: str, **_: object) -> None:
    """
    Leave word of a lockout in the cache, wherever it happened.

    A remembered credential then asks the lockout itself again, without a query otherwise.
    """
    cool_off = get_cool_off(request)
    seconds = int(cool_off.total_seconds()) if cool_off else None
    with suppress(RedisError):
        cache.set(_locked_as(request, user_names.folded(username or "")), 1, seconds)
