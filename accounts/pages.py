"""Pages for people who are not signed in: setting a password with a link."""

from typing import Any

from django.contrib.auth import views
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts import people
from accounts.forms import FirstPasswordForm
from accounts.models import User


@method_decorator(never_cache, name="dispatch")
class SetPassword(views.PasswordResetConfirmView):
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
            people.set_password(user=self.user, password=password, at=timezone.now())
        except ValidationError as error:
            form.add_error("new_password1", error.messages)
            return self.form_invalid(form)
        del self.request.session[views.INTERNAL_RESET_SESSION_TOKEN]
        return HttpResponseRedirect(str(self.get_success_url()))


class PasswordIsSet(views.PasswordResetCompleteView):
    template_name = "portal/password_is_set.html"
