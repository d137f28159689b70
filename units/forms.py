"""Forms of units and the people in them."""

from django import forms
from unfold.widgets import UnfoldAdminSingleDateWidget, UnfoldAdminTextInputWidget


class MoveOutForm(forms.Form):
    """From which day on a unit is empty."""

    ends_on = forms.DateField(
        label="Empty from",
        help_text="The first day on which the tenants no longer live there.",
        widget=UnfoldAdminSingleDateWidget,
    )


class InvitationForm(forms.Form):
    """What a resident's login is called."""

    username = forms.CharField(
        max_length=150,
        label="User name",
        help_text="Kept if the resident has a login already.",
        widget=UnfoldAdminTextInputWidget,
    )
