"""What exists already is refused by the names of the fields that somebody would change."""

import pytest
from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import IntegrityError, connection, models, transaction

from accounts.models import ApiKey, Role, User
from accounts.tests.factories import RoleFactory, UserFactory
from estates.models import Estate
from estates.tests.factories import EstateFactory
from meters.models import CheckLimit, Concentrator, Installation, Meter, Register
from meters.tests.factories import ConcentratorFactory, MeterFactory
from notifications.models import Device, Template
from quantify import uniqueness
from quantify.api import refusals
from quantify.tests.client import Client
from rates.models import Assignment, RateTable, RateTableVersion, ReferenceTable
from rates.tests.factories import RateTableFactory
from units.models import Consent, Occupancy, Resident, Unit
from units.tests.factories import ConsentFactory, OccupancyFactory, UnitFactory
from wallets.models import MonthClosing, Settlement, SuspenseReceipt

pytestmark = pytest.mark.django_db

WRITABLE = (
    ApiKey, Assignment, CheckLimit, Concentrator, Consent, Device, Estate, Installation, Meter,
    MonthClosing, Occupancy, RateTable, RateTableVersion, ReferenceTable, Register, Resident, Role,
    Settlement, SuspenseReceipt, Template, Unit, User,
)  # fmt: skip
"""The models whose objects people make over the API."""

MEANT = {
    "user_name_unique": ("username",),
    "estate_code_unique": ("code",),
    "unit_number_unique_in_estate": ("unit_number",),
    "one_primary_tenant_at_a_time": ("starts_on",),
    "one_standing_consent_to_a_purpose": ("purpose",),
    "one_meter_per_server_address": ("logical_device",),
    "one_meter_per_gateway_address": ("gateway_address",),
    "register_unique": ("channel",),
    "meter_in_one_place_at_a_time": ("starts_at",),
    "one_meter_of_a_kind_at_a_unit": ("kind", "starts_at"),
    "check_limit_set_once": ("parameter",),
    "rate_table_name_unique": ("name", "utility", "licensee"),
    "version_number_unique": ("number",),
    "one_version_in_force": ("effective_from",),
    "one_rate_for_a_unit": ("utility", "effective_from"),
    "one_rate_for_an_estate": ("utility", "effective_from"),
    "one_rate_for_all": ("utility", "effective_from"),
    "one_reference_a_utility": ("utility",),
    "one_closing_a_month": ("month",),
    "one_settlement_a_day": ("ends_on",),
    "receipt_once_in_its_estate": ("external_key",),
    "device_token_unique": ("platform", "token"),
    "one_template_per_event_and_language": ("event", "language"),
}


def declared() -> dict[str, tuple[type[models.Model], models.BaseConstraint]]:
    """The constraints of uniqueness of what people make over the API, by name."""
    return {
        constraint.name: (model, constraint)
        for model in WRITABLE
        for constraint in model._meta.constraints
        if isinstance(constraint, models.UniqueConstraint | ExclusionConstraint)
    }


def unique_fields() -> list[tuple[type[models.Model], models.Field]]:
    return [
        (model, field)
        for model in WRITABLE
        for field in model._meta.local_concrete_fields
        if field.unique and not field.primary_key
    ]


class TestEveryConstraint:
    def test_names_the_fields_somebody_would_change(self):
        found = {name: uniqueness.fields_of(*each) for name, each in declared().items()}

        assert found == MEANT

    @pytest.mark.parametrize("name", sorted(MEANT))
    def test_is_known_by_the_name_that_the_database_tells(self, name):
        model, _ = declared()[name]

        assert uniqueness.fields_by_name(model._meta.db_table, name) == MEANT[name]

    def test_of_single_columns_are_known_by_it_too(self, django_db_setup):
        told = constraints_of_columns()

        for model, field in unique_fields():
            table = model._meta.db_table
            assert [uniqueness.fields_by_name(table, name) for name in told[table, field.column]]
            for name in told[table, field.column]:
                assert uniqueness.fields_by_name(table, name) == (field.name,)

    def test_that_nobody_declared_names_none(self):
        assert uniqueness.fields_by_name("estates_estate", "estates_estate_pkey") == ()
        assert uniqueness.fields_by_name("nothing", "at_all") == ()


def constraints_of_columns() -> dict[tuple[str, str], list[str]]:
    """The names of the unique constraints of one column each, as the database has them."""
    found: dict[tuple[str, str], list[str]] = {}
    with connection.cursor() as cursor:
        for model in {model for model, _ in unique_fields()}:
            table = model._meta.db_table
            every = connection.introspection.get_constraints(cursor, table)
            for name, one in every.items():
                if one["unique"] and not one["primary_key"] and len(one["columns"] or ()) == 1:
                    found.setdefault((table, one["columns"][0]), []).append(name)
    return found


def repeated_over_the_api():
    """How a second object of a kind is asked for, and the fields that the answer names."""
    estate = EstateFactory.create(code="WC001")
    unit = UnitFactory.create(estate=estate, unit_number="A-1")
    meter = MeterFactory.create(
        estate=estate, serial="E1", concentrator=ConcentratorFactory.create(estate=estate),
        logical_device=7, with_register=True, installed=True, installation__unit=unit,
    )  # fmt: skip
    tenancy = OccupancyFactory.create(unit=unit)
    consent = ConsentFactory.create(resident=tenancy.resident)
    table = RateTableFactory.create(name="Flat", estate=estate)
    RoleFactory.create(code="clerk", permissions=["units.view_unit"])
    here = {"estate": str(estate.pk)}
    return [
        ("/estates", {"code": "wc001", "name": "Again", "total_units": 1}, ["code"]),
        ("/units", {**here, "unit_number": "a-1"}, ["unit_number"]),
        ("/meters", {**here, "serial": "E1", "kind": "water", "communication_type": "manual"},
         ["serial"]),
        ("/meters", {**here, "serial": "E2", "kind": "water", "communication_type": "plc",
                     "concentrator": str(meter.concentrator_id), "logical_device": 7},
         ["logical_device"]),
        ("/concentrators",
         {**here, "serial": meter.concentrator.serial, "name": "Hub", "host": "10.0.0.1"},
         ["serial"]),
        (f"/units/{unit.pk}/assign-resident",
         {"resident": str(tenancy.resident_id), "starts_on": "2026-02-01"}, ["starts_on"]),
        (f"/residents/{tenancy.resident_id}/consents",
         {"purpose": consent.purpose, "channel": "app"}, ["purpose"]),
        ("/rate-tables",
         {**here, "name": "Flat", "utility": table.utility, "effective_from": "2026-01-01",
          "components": [{"kind": "energy", "price": "1"}]}, ["name", "utility", "licensee"]),
        ("/roles", {"code": "clerk", "name": "Clerk", "permissions": ["units.view_unit"]},
         ["code"]),
        ("/users", {"username": "Thandi", "password": "three small green frogs",
                    "role": "viewer"}, ["username"]),
    ]  # fmt: skip


def test_a_second_one_is_refused_by_field_over_the_api():
    admin = Client(UserFactory.create(username="thandi"))

    for path, body, fields in repeated_over_the_api():
        refused = admin.post(path, body)
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (409, "duplicate"), (path, problem)
        assert [error["field"] for error in problem["errors"]] == fields, (path, problem)
        assert {error["code"] for error in problem["errors"]} == {"duplicate"}


@pytest.mark.parametrize(
    ("second", "fields"),
    [
        pytest.param(
            lambda: Estate(code="wc001", name="Again", total_units=1), ["code"], id="expression"
        ),
        pytest.param(
            lambda: Concentrator(serial="DC1", estate=Estate.objects.get()),
            ["serial"],
            id="column",
        ),
        pytest.param(
            lambda: Occupancy(
                unit=Unit.objects.get(), resident=Resident.objects.get(), starts_on="2026-02-01"
            ),
            ["starts_on"],
            id="exclusion",
        ),
    ],
)
def test_when_another_request_came_first_the_database_names_it(second, fields):
    """What nobody checked, for it was not there yet: the database alone refuses it."""
    estate = EstateFactory.create(code="WC001")
    ConcentratorFactory.create(serial="DC1", estate=estate)
    OccupancyFactory.create(unit=UnitFactory.create(estate=estate))

    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        second().save()

    problem = refusals.as_problem(raised.value)
    assert problem.kind.code == "duplicate"
    assert [error.field for error in problem.errors] == fields
