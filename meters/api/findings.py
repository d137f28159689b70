"""What the checks of readings found, and what people decide about it."""

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django_filters import ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from estates.models import Estate
from meters.api import refusals
from meters.api.serializers import Kilo, channel_name
from meters.models import Finding, Meter, ReadingEdit
from meters.models.quality import rules
from meters.vee import decisions
from meters.vee.editing import Occasion
from meters.vee.rules import BY_CODE
from quantify.api.filters import RelatedFilter, within
from quantify.api.headers import ETAG, answers_with
from quantify.api.problems import translated
from quantify.api.serializers import Form, Instant, Quantity, ResourceSerializer, ShownSerializer
from quantify.api.views import Listed, Shown
from quantify.quantities import kilo

DECISIONS = ("accept", "edit", "reject", "estimate", "snooze", "undo")


class ReadingEditSerializer(ShownSerializer):
    """What a person said of a reading, beside what was read; a null value is the one read."""

    value = Kilo(allow_null=True)
    edited_by = serializers.CharField(source="edited_by.username")

    class Meta:
        model = ReadingEdit
        fields = ("id", "taken_at", "action", "value", "reason", "edited_by", "edited_at")


class FindingSerializer(ResourceSerializer):
    """What a check found about a register from one instant to another, and what to do about it."""

    meter_serial = serializers.CharField(source="meter.serial", read_only=True)
    estate = serializers.UUIDField(source="meter.estate_id", read_only=True)
    register = serializers.SerializerMethodField()
    check = serializers.CharField(source="rule")
    check_name = serializers.CharField(source="get_rule_display", read_only=True)
    quantity = Kilo(allow_null=True)
    unit = serializers.CharField(read_only=True)
    advice = serializers.CharField(read_only=True)
    actions = serializers.SerializerMethodField()
    handled_by = serializers.CharField(
        source="handled_by.username", default=None, allow_null=True, read_only=True
    )

    class Meta:
        model = Finding
        fields: tuple[str, ...] = (
            "id", "meter", "meter_serial", "estate", "register", "check", "check_name",
            "starts_at", "ends_at", "says", "advice", "actions", "quantity", "unit", "amount",
            "amount_basis", "stops_cuts", "state", "resolution", "snoozed_until", "last_seen_at",
            "handled_by", "handled_at", "note", "created_at", "updated_at",
        )  # fmt: skip

    @extend_schema_field(serializers.CharField())
    def get_register(self, finding: Finding) -> str:
        return channel_name(finding.channel)

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(DECISIONS)))
    def get_actions(self, finding: Finding) -> list[str]:
        """What can be decided about it now."""
        if finding.state != Finding.State.CLOSED:
            return list(BY_CODE[finding.rule].actions)
        return [] if finding.resolution == Finding.Resolution.ENDED else ["undo"]


class FindingDetailSerializer(FindingSerializer):
    edits = ReadingEditSerializer(many=True, read_only=True)

    class Meta(FindingSerializer.Meta):
        fields = (*FindingSerializer.Meta.fields, "edits")


class ReasonedForm(Form):
    reason = serializers.CharField(max_length=250)


class ReadingEditForm(ReasonedForm):
    """What the register showed at a time at which it was read, in kWh or kl."""

    taken_at = Instant()
    value = Quantity(min_value=0)


class SnoozeForm(ReasonedForm):
    until = Instant()


@within("starts_at")
class FindingFilters(FilterSet):
    estate = RelatedFilter(Estate, field_name="meter__estate")
    meter = RelatedFilter(Meter)
    check = ChoiceFilter(field_name="rule", choices=rules())
    state = ChoiceFilter(choices=Finding.State.choices, method="filter_state")

    def filter_state(self, findings: Any, _: str, value: str) -> QuerySet:
        found: QuerySet = findings.in_state(value, timezone.now())
        return found


class FindingViewSet(Listed, Shown):
    """The queue of exceptions: what the checks of readings found and a person decides on."""

    queryset = Finding.objects.all()
    serializer_class = FindingSerializer
    detail_class = FindingDetailSerializer
    filterset_class = FindingFilters
    search_fields = ("says", "meter__serial")
    sort_fields = {name: name for name in ("starts_at", "last_seen_at", "amount", "created_at")}
    default_sort = ("-starts_at", "pk")
    permission_names = dict.fromkeys(DECISIONS, "meters.decide_finding")
    refusals = {
        **dict.fromkeys(DECISIONS, (refusals.DECIDED, refusals.NOT_OFFERED)),
        "accept": (refusals.DECIDED, refusals.NOT_OFFERED, refusals.IMPOSSIBLE_VALUE),
        "edit": (
            refusals.DECIDED, refusals.NOT_OFFERED, refusals.IMPOSSIBLE_VALUE,
            refusals.NO_SUCH_READING,
        ),
        "estimate": (refusals.DECIDED, refusals.NOT_OFFERED, refusals.NOTHING_TO_GO_BY),
        "snooze": (refusals.DECIDED, refusals.SNOOZE),
        "undo": (refusals.NOT_UNDOABLE, refusals.NOT_THE_LAST),
    }  # fmt: skip

    def shaped(self, rows: QuerySet) -> QuerySet:
        rows = rows.select_related("meter", "handled_by")
        if self.action == "list":
            return rows
        edits = ReadingEdit.objects.select_related("edited_by").order_by("edited_at", "taken_at")
        return rows.prefetch_related(Prefetch("edits", edits))

    @extend_schema(operation_id="finding_accept", request=ReasonedForm)
    @action(detail=True, methods=["post"])
    @answers_with(ETAG)
    def accept(self, request: Request, pk: UUID) -> Response:
        """Let stand what was found; a reading that broke the checks counts from now on."""
        return self._decide(pk, decisions.accept, ReasonedForm)

    @extend_schema(operation_id="finding_edit", request=ReadingEditForm)
    @action(detail=True, methods=["post"])
    @answers_with(ETAG)
    def edit(self, request: Request, pk: UUID) -> Response:
        """Put a value in place of a reading; what was read is kept."""
        return self._decide(pk, decisions.edit, ReadingEditForm)

    @extend_schema(operation_id="finding_reject", request=ReasonedForm)
    @action(detail=True, methods=["post"])
    @answers_with(ETAG)
    def reject(self, request: Request, pk: UUID) -> Response:
        """Let the readings that broke the checks never count."""
        return self._decide(pk, decisions.reject, ReasonedForm)

    @extend_schema(operation_id="finding_estimate", request=ReasonedForm)
    @action(detail=True, methods=["post"])
    @answers_with(ETAG)
    def estimate(self, request: Request, pk: UUID) -> Response:
        """Estimate the stretch; the total between the readings around it stays exact."""
        return self._decide(pk, decisions.estimate, ReasonedForm)

    @extend_schema(operation_id="finding_snooze", request=SnoozeForm)
    @action(detail=True, methods=["post"])
    @answers_with(ETAG)
    def snooze(self, request: Request, pk: UUID) -> Response:
        """Put it off until a time to come."""
        return self._decide(pk, decisions.snooze, SnoozeForm)

    @extend_schema(operation_id="finding_undo", request=ReasonedForm)
    @action(detail=True, methods=["post"])
    @answers_with(ETAG)
    def undo(self, request: Request, pk: UUID) -> Response:
        """Take a decision back, with what it did to readings."""
        return self._decide(pk, decisions.undo, ReasonedForm)

    def _decide(self, pk: UUID, decide: Callable[..., Finding], form: type[Form]) -> Response:
        finding = self.seen_object()
        asked = self.checked(form)
        occasion = Occasion(cast("User", self.request.user), timezone.now(), asked.pop("reason"))
        if "value" in asked:
            asked["value"] = kilo(asked["value"])
        with translated(refusals.OF_FINDINGS):
            decide(finding_id=finding.pk, occasion=occasion, **asked)
        return self.answered(pk)
