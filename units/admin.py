"""Units, and the people in them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter

from accounts import invitations
from accounts.people import signed_in
from quantify.periods import local_day
from quantify.portal import columns, formats
from quantify.portal.actions import action
from quantify.portal.base import ArchiveAdmin, PortalAdmin, ReadOnlyInline, Related, become
from quantify.portal.filters import EstateFilter
from quantify.portal.pages import ask, confirm, object_url, show_once
from units import occupancies, residents, sign_ins
from units.announcing import AnnouncingMixin
from units.consenting import ConsentingMixin, ConsentInline
from units.forms import InvitationForm, MoveOutForm
from units.identifying import FIELDS as IDENTITY
from units.identifying import IdentifyingMixin
from units.models import Occupancy, Resident, Unit

STATUS = {"occupied": "success", "vacant": "muted", "maintenance": "warning"}
PERSON = ["estate", "first_name", "last_name", "phone", "email"]
IDENTITY_SHOWN = ["identity_shown"]
MOVED_IN = ["unit", "resident"]
TERMS = ["kind", "is_primary", "starts_on", "ends_on"]
KIND = {"tenant": "info", "owner": "muted"}


class OccupancyInline(ReadOnlyInline):
    """Who lives here; moving in and out has its own pages, with the rules of both."""

    model = Occupancy
    verbose_name_plural = "who lives here"
    fields = ["resident", "kind", "is_primary", "starts_on", "ends_on"]
    ordering = ["-starts_on", "-id"]


@admin.register(Unit)
class UnitAdmin(ArchiveAdmin):
    list_display = [
        "unit_number",
        columns.text("estate.code", "Estate"),
        "building",
        "floor",
        columns.chip("status", STATUS),
        columns.flag("protected_supply", "Supply", yes=("Never cut", "info")),
    ]
    list_filter = [
        ("estate", EstateFilter),
        ("status", ChoicesDropdownFilter),
        "protected_supply",
    ]
    search_fields = ["unit_number", "building", "estate__code"]
    search_help_text = "Unit, building or estate code"
    ordering = ["estate__code", "unit_number", "id"]
    autocomplete_fields = ["estate"]
    inlines = [OccupancyInline]
    fieldsets = [
        (None, {"fields": ["estate", "unit_number", "status", "protected_supply"]}),
        ("Place", {"fields": ["building", "floor", "bedrooms", "bathrooms", "size_m2"]}),
    ]
    related = [
        Related("Wallet", "wallet", "wallets.wallet", "unit__id__exact"),
        Related("Transactions", "receipt_long", "wallets.transaction", "wallet__unit__id__exact"),
        Related("Meters", "speed", "meters.installation", "unit__id__exact"),
        Related("Rates", "sell", "rates.assignment", "unit__id__exact"),
    ]

    actions_detail = ["move_in", "move_out", "restore"]

    def title_of(self, obj: Unit) -> str:
        return f"{obj.estate.code} {obj.unit_number}"

    def has_move_in_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("units.add_occupancy")

    def has_move_out_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("units.change_occupancy")

    @action("Move in", permission="move_in", icon="login")
    def move_in(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the form of a new occupancy, with the unit filled in."""
        unit = self.object_or_404(request, object_id)
        return HttpResponseRedirect(f"{reverse('admin:units_occupancy_add')}?unit={unit.pk}")

    @action("Move out", permission="move_out", icon="logout")
    def move_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the day, then end every tenancy of the unit."""
        unit = self.object_or_404(request, object_id)
        today = local_day(timezone.now(), unit.estate.zone)
        form = MoveOutForm(request.POST or None, initial={"ends_on": today})
        if form.is_valid():
            try:
                occupancies.vacate(unit=unit, ends_on=form.cleaned_data["ends_on"], today=today)
            except (occupancies.NotOccupied, ValidationError) as error:
                form.add_error(None, error if isinstance(error, ValidationError) else str(error))
            else:
                messages.success(request, f"{self.title_of(unit)}: the tenants moved out.")
                return HttpResponseRedirect(object_url(unit))
        return ask(
            request,
            self,
            unit,
            title=f"Move out of {self.title_of(unit)}",
            intro="Ends every tenancy of the unit; owners stay owners.",
            form=form,
            submit_words="Move out",
        )


@admin.register(Resident)
class ResidentAdmin(IdentifyingMixin, ConsentingMixin, AnnouncingMixin, ArchiveAdmin):
    list_display = [
        "first_name",
        "last_name",
        columns.text("estate.code", "Estate"),
        "phone",
        "email",
    ]
    list_filter = [("estate", EstateFilter)]
    search_fields = ["first_name", "last_name", "phone", "email"]
    ordering = ["last_name", "first_name", "id"]
    autocomplete_fields = ["estate"]
    inlines = [ConsentInline]
    related = [Related("Occupancies", "key", "units.occupancy", "resident__id__exact")]
    undeletable = (residents.StillAtHome,)
    actions_list = ["announce"]
    actions_detail = [
        "reveal", "take_consent", "withdraw_consent", "invite", "end_sign_in", "restore",
    ]  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*PERSON, *(IDENTITY if self._is_filled_in(request, obj) else IDENTITY_SHOWN)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [] if self._is_filled_in(request, obj) else IDENTITY_SHOWN

    def delete_model(self, request: HttpRequest, obj: Resident) -> None:
        residents.retire(resident_id=obj.pk, at=timezone.now())

    def _is_filled_in(self, request: HttpRequest, obj: Any) -> bool:
        return obj is None or self.has_change_permission(request, obj)

    @admin.display(description="Identity document")
    def identity_shown(self, resident: Resident) -> str:
        shown = resident.identity
        if shown is None:
            return formats.NOTHING
        return f"{resident.get_identity_kind_display()} {shown.country} {shown.number}"

    def has_invite_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return request.user.has_perm("units.invite_resident")

    def has_end_sign_in_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        if not self.has_invite_permission(request):
            return False
        resident = self.get_object(request, object_id)
        return resident is not None and resident.user_id is not None

    @action("Invite to sign in", permission="invite", icon="mail")
    def invite(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the resident a login, and show the link that opens it."""
        resident = self.object_or_404(request, object_id)
        named = resident.user.username if resident.user else resident.email
        form = InvitationForm(request.POST or None, initial={"username": named})
        title = f"Let {resident} sign in"
        if form.is_valid():
            try:
                user = sign_ins.invite(resident=resident, username=form.cleaned_data["username"])
            except (sign_ins.NoResidentsLogin, ValidationError) as error:
                form.add_error(
                    None, error.messages if isinstance(error, ValidationError) else str(error)
                )
            else:
                self.log_change(request, resident, "Invited to sign in.")
                link = request.build_absolute_uri(invitations.path_for(user))
                intro = (
                    f"Hand this link to {resident}: it sets the password of {user.username}, once."
                )
                return show_once(request, self, resident, title=title, intro=intro, secret=link)
        return ask(
            request,
            self,
            resident,
            title=title,
            intro="Residents see their own home, and only the time in which they lived there.",
            form=form,
            submit_words="Make the link",
        )

    @action("End the sign-in", permission="end_sign_in", icon="logout")
    def end_sign_in(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End the resident's login at once."""
        resident = self.object_or_404(request, object_id)
        title = f"End the sign-in of {resident}"
        if request.method != "POST":
            return confirm(request, self, resident, title=title, submit_words="End the sign-in")
        try:
            sign_ins.withdraw(resident=resident, by=signed_in(request), at=timezone.now())
        except (sign_ins.NoSignIn, sign_ins.NoResidentsLogin) as error:
            messages.error(request, str(error))
        else:
            self.log_change(request, resident, "The sign-in was ended.")
            messages.success(request, f"{resident} no longer signs in.")
        return HttpResponseRedirect(object_url(resident))


@admin.register(Occupancy)
class OccupancyAdmin(PortalAdmin):
    list_display = [
        columns.text("unit.unit_number", "Unit"),
        columns.text("unit.estate.code", "Estate"),
        columns.text("resident", "Resident", order="resident__last_name"),
        columns.chip("kind", KIND),
        columns.flag("is_primary", "Primary", yes=("Primary", "success")),
        columns.text("starts_on", "From"),
        columns.text("ends_on", "Until"),
    ]
    list_filter = [
        ("unit__estate", EstateFilter),
        ("kind", ChoicesDropdownFilter),
        ("starts_on", RangeDateFilter),
    ]
    search_fields = ["unit__unit_number", "resident__last_name", "resident__first_name"]
    autocomplete_fields = ["unit", "resident"]
    ordering = ["-starts_on", "-id"]
    refusals = {occupancies.AnotherEstate: "resident", occupancies.Deleted: ""}

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*MOVED_IN, *TERMS] if obj else [*MOVED_IN, *TERMS[:-1]]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return MOVED_IN if obj else []

    def save_model(
        self,
        request: HttpRequest,
        obj: Occupancy,
        form: forms.ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        filled, unit = form.cleaned_data, obj.unit
        today = local_day(timezone.now(), unit.estate.zone)
        if change:
            become(obj, occupancies.amend(occupancy=obj, today=today, **filled))
        else:
            become(obj, occupancies.assign(today=today, **filled))

    def title_of(self, obj: Occupancy) -> str:
        return f"{obj.resident} in {obj.unit} from {obj.starts_on}"

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        # An occupancy ends; that it was is history.
        return False
