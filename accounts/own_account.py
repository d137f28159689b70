"""What people look after themselves in the portal: password and second factor."""

from typing import Any

import segno
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.generic import View

from accounts import people, second_factor, sessions
from accounts.forms import CodeForm
from accounts.models import User

PENDING = "second_factor_to_enrol"


@method_decorator(never_cache, name="dispatch")
class OwnPage(View):
    """A page of the portal about oneself."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        page: HttpResponseBase = admin.site.admin_view(super().dispatch)(request, *args, **kwargs)
        return page

    @staticmethod
    def shown(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        page = {**admin.site.each_context(request), "title": title, **context}
        return TemplateResponse(request, template, page)


class MyAccount(OwnPage):
    """How one signs in, and what of it one can change."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._answer(request, CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        person = people.signed_in(request)
        form = CodeForm(request.POST)
        if not form.is_valid() or not _is_right(form, person):
            return self._answer(request, form)
        return self._changed(request, person)

    def _changed(self, request: HttpRequest, person: User) -> HttpResponse:
        """What needs a code besides being signed in."""
        if request.POST.get("do") == "renew_codes":
            codes = second_factor.renew_recovery_codes(user=person)
            return self.shown(
                request, "portal/recovery_codes.html", "New recovery codes", codes=codes
            )
        second_factor.remove(user=person)
        update_session_auth_hash(request, User.objects.get(pk=person.pk))
        messages.success(request, "The app was taken away; every other session has ended.")
        return HttpResponseRedirect(reverse("my-account"))

    def _answer(self, request: HttpRequest, form: CodeForm) -> HttpResponse:
        person = people.signed_in(request)
        form.fields["code"].widget.attrs.pop("autofocus", None)
        left = 0
        if person.second_factor_at is not None:
            left = person.second_factor.codes.filter(used_at=None).count()
        return self.shown(
            request,
            "portal/my_account.html",
            "My account",
            person=person,
            form=form,
            codes_left=left,
            is_required=settings.REQUIRE_TOTP,
        )


class Enrol(OwnPage):
    """Scan the QR code, show that the app has it, keep the recovery codes."""

    def get(self, request: HttpRequest) -> HttpResponse:
        person = people.signed_in(request)
        if person.second_factor_at is not None:
            return HttpResponseRedirect(reverse("my-account"))
        return self._answer(request, person, _pending(request, person), CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        person = people.signed_in(request)
        secret, form = _pending(request, person), CodeForm(request.POST)
        if not form.is_valid():
            return self._answer(request, person, secret, form)
        code = form.cleaned_data["code"].replace(" ", "")
        try:
            codes = second_factor.enrol(user=person, secret=secret, code=code, at=timezone.now())
        except second_factor.HasOne:
            return HttpResponseRedirect(reverse("my-account"))
        except second_factor.WrongCode as error:
            form.add_error("code", str(error))
            return self._answer(request, person, secret, form)
        del request.session[PENDING]
        sessions.give_code(request, person)
        return self.shown(request, "portal/recovery_codes.html", "Recovery codes", codes=codes)

    def _answer(
        self, request: HttpRequest, person: User, secret: str, form: CodeForm
    ) -> HttpResponse:
        return self.shown(
            request,
            "portal/enrol.html",
            "Sign in with an app",
            picture=_picture(second_factor.address_of(secret, person)),
            secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
            form=form,
            is_required=settings.REQUIRE_TOTP,
        )


def _is_right(form: CodeForm, person: User) -> bool:
    if person.second_factor_at is None:
        form.add_error("code", "You have no app to take away.")
        return False
    try:
        second_factor.check(user=person, code=form.cleaned_data["code"], at=timezone.now())
    except (second_factor.WrongCode, second_factor.TooManyWrongCodes) as error:
        form.add_error("code", str(error))
        return False
    return True


def _pending(request: HttpRequest, person: User) -> str:
    """The secret that is about to be enrolled, the same while the page is shown again."""
    sealed = request.session.get(PENDING)
    if sealed is None:
        sealed = request.session[PENDING] = second_factor.seal(second_factor.new_secret(), person)
    return second_factor.unseal(sealed, person)


def _picture(address: str) -> SafeString:
    """A QR code as SVG, drawn here: the secret goes to no other host."""
    drawn = segno.make(address, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff")
    return mark_safe(drawn)  # noqa: S308  (drawn from modules, nothing of the address is in it)
