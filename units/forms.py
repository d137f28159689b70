"""Forms of units and the people in them."""

from django import forms
from unfold.widgets import UnfoldAdminSingleDateWidget


class MoveOutForm(forms.Form):
    """From which day on a unit is empty."""

    ends_on = forms.DateField(
        label="Empty from",
        help_text="The first day on which the tenants no longer live there.",
        widget=UnfoldAdminSingleDateWidget,
    )
