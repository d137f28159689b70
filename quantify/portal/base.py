"""
What every page of the portal shares.

`PortalAdmin` bounds rows, related choices and autocompletes to the person's estates in one
place; `ReadOnlyAdmin` shows facts; `ArchiveAdmin` deletes by hiding, and restores.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from django.contrib import messages
from django.contrib.admin import ActionLocation, ShowFacets
from django.contrib.admin import ModelAdmin as DjangoModelAdmin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.paginator import InfinitePaginator

from quantify.portal.actions import action
from quantify.portal.deleting import DeletingMixin
from quantify.portal.filters import DeletedFilter
from quantify.portal.linking import LinkingMixin
from quantify.portal.pages import confirm, object_url
from quantify.portal.refusals import Refusals, refusal_of, refused


class Related(NamedTuple):
    """A link from an object's page to the list of what hangs on it."""

    title: str
    icon: str
    model: str
    """As `app_label.model_name`."""
    parameter: str

    def page_for(self, request: HttpRequest, obj: models.Model) -> dict[str, str] | None:
        app_label, model_name = self.model.split(".")
        if not request.user.has_perm(f"{app_label}.view_{model_name}"):
            return None
        url = reverse(f"admin:{app_label}_{model_name}_changelist")
        return {"title": self.title, "icon": self.icon, "url": f"{url}?{self.parameter}={obj.pk}"}


def become(obj: models.Model, made: models.Model) -> None:
    """Let a form's object be the one that an operation stored in its place."""
    vars(obj).update(vars(made))


class ScopedMixin:
    """Rows, related choices and autocompletes within the estates of the person."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows: models.QuerySet = super().get_queryset(request)  # type: ignore[misc]
        if hasattr(rows, "visible_to"):
            rows = rows.visible_to(request.user)
        return rows.fetch_mode(models.FETCH_PEERS)

    def get_field_queryset(
        self, db: str | None, db_field: models.Field, request: HttpRequest
    ) -> Any:
        related = self.admin_site._registry.get(db_field.related_model)  # type: ignore[attr-defined]
        if related is None:
            return super().get_field_queryset(db, db_field, request)  # type: ignore[misc]
        rows = related.get_queryset(request)
        if hasattr(rows, "alive"):
            rows = rows.alive()
        return rows.order_by(*related.get_ordering(request))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]
        related = self.admin_site._registry.get(db_field.related_model)  # type: ignore[attr-defined]
        if field is not None and isinstance(related, PortalAdmin):
            field.label_from_instance = related.title_of
        return field


class PortalAdmin(ScopedMixin, LinkingMixin, DeletingMixin, ModelAdmin):
    """A page of the portal."""

    list_per_page = 25
    list_max_show_all = 200
    show_facets = ShowFacets.NEVER
    list_filter_submit = True
    warn_unsaved_form = True
    compressed_fields = True
    actions: Sequence[str] | None = None
    related: ClassVar[Sequence[Related]] = ()
    refusals: ClassVar[Refusals] = {}
    """What the operation behind a save may answer, and the field that each is about."""
    change_form_outer_before_template = "portal/related.html"

    def get_action_choices(
        self,
        request: HttpRequest,
        default_choices: list[tuple[str, str]] | None = None,
        action_location: ActionLocation = ActionLocation.CHANGE_LIST,
    ) -> list[tuple[str, str]]:
        # As django-unfold has it, with the argument that Django 6.1 has added.
        none = [("", "Select action")]
        return DjangoModelAdmin.get_action_choices(self, request, none, action_location)

    def title_of(self, obj: Any) -> str:
        """What names an object in the heading of its page, and where it is chosen from many."""
        return str(obj)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        # Each button of a page asks for its object; what only looks may read it once.
        read = vars(request).setdefault("portal_objects", {}) if request.method == "GET" else {}
        key = (self.opts.label_lower, str(object_id), from_field)
        if key not in read:
            read[key] = super().get_object(request, object_id, from_field)
            if read[key] is not None:
                read[key].portal_title = self.title_of(read[key])
        return read[key]

    def object_or_404(self, request: HttpRequest, object_id: str) -> Any:
        """The object, if it is there and within the person's estates."""
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404(f"There is no such {self.opts.verbose_name}.")
        return obj

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: models.options.Options, object_id: str
    ) -> HttpResponse:
        # Another's object and one that never was must look the same, and be no success.
        raise Http404(f"There is no such {opts.verbose_name}.")

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # Who may not look at any of them is told so, whatever the id, as on the other pages.
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        shown: HttpResponse = super().history_view(request, object_id, extra_context)
        return shown

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = {**(extra_context or {})}
        if object_id and (obj := self.get_object(request, object_id)):
            pages = (related.page_for(request, obj) for related in self.related)
            context["related_pages"] = [page for page in pages if page]
            context["subtitle"] = obj.portal_title
            context |= self.extra_context_for(request, obj)
        try:
            return self._shown(request, object_id, form_url, context)
        except Exception as error:
            refusal = refusal_of(error, self.refusals)
            if refusal is None or request.method != "POST":
                raise
        # Once more, with the answer in the form: what was typed is not lost.
        request.portal_refusal = refusal  # type: ignore[attr-defined]
        return self._shown(request, object_id, form_url, context)

    def _shown(
        self,
        request: HttpRequest,
        object_id: str | None,
        form_url: str,
        context: dict[str, Any],
    ) -> HttpResponse:
        response: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        return response

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form_class = super().get_form(request, obj, **kwargs)
        refusal = getattr(request, "portal_refusal", None)
        return refused(form_class, refusal) if refusal else form_class

    def extra_context_for(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """More for the templates of an object's page."""
        return {}


class ReadOnlyMixin:
    """Shown, never touched."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnlyMixin, PortalAdmin):
    """Facts: they are corrected by further facts, not by editing."""

    warn_unsaved_form = False


class SeriesAdmin(ReadOnlyAdmin):
    """
    A time series of millions of rows: never counted, sorted by its key only, without detail page.

    The `id` of these rows is computed when it is read and has no index, so nothing may look
    for it.
    """

    paginator = InfinitePaginator
    show_full_result_count = False
    list_display_links = None
    sortable_by: Sequence[str] = ()

    def get_object(self, request: HttpRequest, object_id: str, from_field: object = None) -> Any:
        return None


class LedgerAdmin(ReadOnlyAdmin):
    """A long append-only list: not counted, but each row has its page."""

    paginator = InfinitePaginator
    show_full_result_count = False
    sortable_by: Sequence[str] = ()


class ReadOnlyInline(ReadOnlyMixin, TabularInline):
    """A table of facts on the page of what they belong to."""

    extra = 0
    can_delete = False
    show_change_link = True


class ScopedInline(ScopedMixin, TabularInline):
    """Rows that are edited on the page of what they belong to."""

    extra = 0


class ArchiveAdmin(PortalAdmin):
    """Deleting hides; what hangs on the object stays, and it can be restored."""

    delete_confirmation_template = "portal/archive_confirmation.html"
    delete_selected_confirmation_template = "portal/archive_selected_confirmation.html"
    actions: Sequence[str] | None = ()
    actions_detail: Sequence[str] = ("restore",)

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [*super().get_list_filter(request), DeletedFilter]

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        rows = [self.title_of(obj) for obj in objs]
        kept = [self.title_of(obj) for obj in objs if not self.has_delete_permission(request, obj)]
        return rows, {str(self.opts.verbose_name_plural): len(rows)}, set(), kept

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        obj.deleted_at = timezone.now()
        obj.save(update_fields=["deleted_at", "updated_at"])

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        # One by one: each is asked for, and done, as on its own page.
        for obj in queryset.filter(deleted_at=None):
            self.delete_model(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if getattr(obj, "deleted_at", None):
            return False
        return bool(super().has_delete_permission(request, obj))

    def has_restore_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        """Who may delete may restore, and only what was deleted."""
        if not super().has_delete_permission(request):
            return False
        obj = self.get_object(request, object_id)
        return obj is not None and obj.deleted_at is not None

    @action("Restore", permission="restore", icon="restore_from_trash")
    def restore(self, request: HttpRequest, object_id: str) -> HttpResponse:
        obj = self.object_or_404(request, object_id)
        if request.method == "POST":
            obj.deleted_at = None
            obj.save(update_fields=["deleted_at", "updated_at"])
            self.log_change(request, obj, "Restored.")
            messages.success(request, f"{obj.portal_title} is in use again.")
            return HttpResponseRedirect(object_url(obj))
        return confirm(
            request, self, obj, title=f"Restore {obj.portal_title}", submit_words="Restore"
        )
