"""Forms for people: passwords are only ever set, never shown."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.auth.forms import SetPasswordForm
from unfold.forms import UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextInputWidget,
)

from accounts import roles
from accounts.models import Role, User
from accounts.people import LONGEST_PASSWORD

OWN_PERMISSIONS = [(name, name) for name in sorted(roles.GRANTABLE)]


class NewPersonForm(UserCreationForm):
    """A person with a first password, entered twice and checked for strength."""

    class Meta:
        model = User
        fields = ("username", "full_name", "email", "role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("usable_password", None)


class FirstPasswordForm(SetPasswordForm):
    """A password of one's own, entered twice and checked for strength."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("new_password1", "new_password2"):
            field = self.fields[name]
            field.widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
            field.help_text = ""


class OwnPasswordForm(FirstPasswordForm):
    """A new password besides the present one, which the page asks whether it is right."""

    old_password = forms.CharField(
        strip=False,
        label="Old password",
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "current-password", "autofocus": True}
        ),
    )
    field_order = ("old_password", "new_password1", "new_password2")


class CodeForm(forms.Form):
    """A code of the authenticator app, or a recovery code."""

    code = forms.CharField(
        max_length=30,
        label="Code",
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}
        ),
    )


class EndSessionForm(forms.Form):
    """Which session is to end, chosen beside it in the list, and the password again."""

    OTHERS = "others"

    session = forms.ChoiceField(error_messages={"required": "Choose what is to end."})
    password = forms.CharField(
        strip=False,
        max_length=LONGEST_PASSWORD,
        label="Your password",
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, names: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["session"]
        assert isinstance(chosen, forms.ChoiceField)  # noqa: S101 - as declared above
        chosen.choices = [(name, name) for name in (self.OTHERS, *names)]


class PersonForm(UserChangeForm):
    class Meta:
        model = User
        fields = ("username", "full_name", "email", "role", "is_active")


class RoleForm(forms.ModelForm):
    """A role of one's own chooses from the permissions of the built-in ones, and a few beyond."""

    permissions = forms.MultipleChoiceField(
        choices=OWN_PERMISSIONS, required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = Role
        fields = ("code", "name", "permissions")
