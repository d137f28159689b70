"""Asking somebody who is signed in for their password again, before what others must not do."""

from django import forms
from django.contrib.auth import authenticate
from django.http import HttpRequest

from accounts import people


def is_confirmed(request: HttpRequest, form: forms.Form, field: str) -> bool:
    """Whether a field holds the password of who asks; wrong ones are counted as at the sign-in."""
    person = people.signed_in(request)
    password = form.cleaned_data[field]
    if authenticate(request, username=person.username, password=password) == person:
        return True
    form.add_error(field, "The password is wrong.")
    return False
