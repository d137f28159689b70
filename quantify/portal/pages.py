"""Pages with a form of their own: what an operator does to an object, with its consequences."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget


class ReasonForm(forms.Form):
    """Money and commands always carry a reason."""

    reason = forms.CharField(
        max_length=250,
        help_text="Kept for ever with your name.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class NothingToFill(forms.Form):
    """For pages that only ask for a yes."""


def object_url(obj: Any) -> str:
    meta = obj._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[obj.pk])


def list_url(model_admin: ModelAdmin) -> str:
    meta = model_admin.opts
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")


def ask(
    request: HttpRequest,
    model_admin: ModelAdmin,
    obj: Any,
    *,
    title: str,
    form: forms.Form,
    template: str = "portal/form_page.html",
    **context: Any,
) -> TemplateResponse:
    """
    Show a form that belongs to an object, or to the list if there is none.

    `submit_words` and `intro` are the words around it, `hidden` what else is sent with it.
    """
    return TemplateResponse(
        request,
        template,
        {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.opts,
            "original": obj,
            "title": title,
            "form": form,
            "media": model_admin.media,
            "back_url": list_url(model_admin) if obj is None else object_url(obj),
            "submit_words": "Save",
            "submit_look": "primary",
            **context,
        },
    )


def selection(request: HttpRequest, ids: Iterable[object]) -> list[tuple[str, object]]:
    """What a form sends so that the list's action goes on with the same rows."""
    return [
        ("action", request.POST["action"]),
        *((ACTION_CHECKBOX_NAME, one) for one in ids),
    ]


def show_once(
    request: HttpRequest,
    model_admin: ModelAdmin,
    obj: Any,
    *,
    title: str,
    intro: str,
    secret: str,
    **context: str,
) -> TemplateResponse:
    """
    Show what is stored nowhere in clear; no page of the portal is kept by a browser.

    `remark` and `done_words` are the words after the intro and on the button.
    """
    shown = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "original": obj,
        "title": title,
        "intro": intro,
        "remark": "It is shown this once.",
        "secret": secret,
        "done_words": "I have kept it",
        "back_url": object_url(obj),
        **context,
    }
    return TemplateResponse(request, "portal/shown_once.html", shown)


def confirm(
    request: HttpRequest, model_admin: ModelAdmin, obj: Any, *, title: str, **context: Any
) -> TemplateResponse:
    """Ask for a yes."""
    return ask(request, model_admin, obj, title=title, form=NothingToFill(), **context)
