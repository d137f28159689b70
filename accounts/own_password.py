"""The portal's page on which people change their own password."""

from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts import people, reauthentication
from accounts.forms import OwnPasswordForm
from accounts.own_account import OwnPage


class ChangePassword(OwnPage):
    """A new password for the old one; every other session ends."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._answer(request, OwnPasswordForm(people.signed_in(request)))

    def post(self, request: HttpRequest) -> HttpResponse:
        person = people.signed_in(request)
        form = OwnPasswordForm(person, request.POST)
        if not form.is_valid() or not reauthentication.is_confirmed(request, form, "old_password"):
            return self._answer(request, form)
        try:
            changed = people.set_password(user=person, password=form.cleaned_data["new_password1"])
        except ValidationError as error:
            form.add_error("new_password1", error.messages)
            return self._answer(request, form)
        update_session_auth_hash(request, changed)
        return HttpResponseRedirect(reverse("admin:password_change_done"))

    def _answer(self, request: HttpRequest, form: OwnPasswordForm) -> HttpResponse:
        template = "registration/password_change_form.html"
        return self.shown(request, template, "Change password", form=form)
