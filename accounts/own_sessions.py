"""The portal's page of one's own sessions: where one is signed in, and the end of it."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from accounts import open_sessions, people, reauthentication
from accounts.forms import EndSessionForm
from accounts.models import User
from accounts.open_sessions import OpenSession
from accounts.own_account import OwnPage


class MySessions(OwnPage):
    """
    Where somebody is signed in, this session marked; ended are one other or all others.

    The password is asked for again: who sits down at a browser that was left open ends nothing.
    """

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._answer(request, EndSessionForm(names=[]))

    def post(self, request: HttpRequest) -> HttpResponse:
        person = people.signed_in(request)
        names = [one.name for one in _others(request, _sessions_of(person))]
        form = EndSessionForm(request.POST, names=names)
        if not form.is_valid() or not reauthentication.is_confirmed(request, form, "password"):
            return self._answer(request, form)
        if form.cleaned_data["session"] == EndSessionForm.OTHERS:
            ended = people.end_sessions(user=person)
            update_session_auth_hash(request, ended)
            messages.success(request, "Every other session of yours has ended.")
        else:
            open_sessions.end(user=person, name=form.cleaned_data["session"])
            messages.success(request, "The session has ended.")
        return HttpResponseRedirect(reverse("my-sessions"))

    def _answer(self, request: HttpRequest, form: EndSessionForm) -> HttpResponse:
        opened = _sessions_of(people.signed_in(request))
        others = _others(request, opened)
        return self.shown(
            request,
            "portal/my_sessions.html",
            "My sessions",
            this=[one for one in opened if one not in others],
            others=others,
            form=form,
        )


def _sessions_of(person: User) -> list[OpenSession]:
    return open_sessions.of(person, at=timezone.now())


def _others(request: HttpRequest, opened: list[OpenSession]) -> list[OpenSession]:
    """All but the one the request came in."""
    this = open_sessions.name_of(request.session.session_key or "")
    return [one for one in opened if one.name != this]
