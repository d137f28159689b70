"""Pages for people who are not in yet: setting a password with a link, entering a code."""

from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.contrib.auth import views
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.generic import FormView

from accounts import people, second_factor, sessions
from accounts.forms import CodeForm, FirstPasswordForm
from accounts.models import User


class InColours:
    """Gives a page outside of the portal the portal's look."""

    request: HttpRequest

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        page: dict[str, Any] = super().get_context_data(**context)  # type: ignore[misc]
        return {**admin.site.each_context(self.request), **page}


@method_decorator(never_cache, name="dispatch")
class SetPassword(InColours, views.PasswordResetConfirmView):
    """The page that a link of `accounts.invitations` leads to."""

    template_name = "portal/set_password.html"
    success_url = reverse_lazy("password-set")
    form_class = FirstPasswordForm

    def get_user(self, uidb64: str) -> Any:
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active and not user.deleted_at else None

    def form_valid(self, form: Any) -> HttpResponse:
        assert isinstance(self.user, User)  # noqa: S101 - the link named a person
        password = form.cleaned_data["new_password1"]
        try:
            people.set_password(user=self.user, password=password)
        except ValidationError as error:
            form.add_error("new_password1", error.messages)
            return self.form_invalid(form)
        del self.request.session[views.INTERNAL_RESET_SESSION_TOKEN]
        return HttpResponseRedirect(str(self.get_success_url()))


class PasswordIsSet(InColours, views.PasswordResetCompleteView):
    template_name = "portal/password_is_set.html"


@method_decorator(never_cache, name="dispatch")
class EnterCode(InColours, FormView):
    """The page between the password and the portal, for who signs in with a code."""

    template_name = "portal/enter_code.html"
    form_class = CodeForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, User):
            return HttpResponseRedirect(reverse("admin:login"))
        if not sessions.needs_code(request, user):
            return HttpResponseRedirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        user = people.signed_in(self.request)
        code = form.cleaned_data["code"]
        try:
            second_factor.check(user=user, code=code, at=timezone.now())
        except (second_factor.WrongCode, second_factor.TooManyWrongCodes) as error:
            form.add_error("code", str(error))
            answer = self.form_invalid(form)
            if isinstance(error, second_factor.TooManyWrongCodes):
                answer.status_code = HTTPStatus.TOO_MANY_REQUESTS
            return answer
        sessions.give_code(self.request, user)
        return HttpResponseRedirect(self.get_success_url())

    def get_success_url(self) -> str:
        wanted = self.request.GET.get("next", "")
        is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
        return wanted if is_ours else reverse("admin:index")
