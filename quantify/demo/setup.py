"""The rows of a demonstration estate, before anything is metered."""

from datetime import date, datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from estates.models import Estate, Membership
from estates.registration import register
from meters import keys
from meters.dlms.simulator.fleet import FleetPlan, Kind, MeterPlan
from meters.keys import Secrets
from meters.models import Concentrator, Installation, Meter, Register
from quantify.demo import prices
from quantify.demo.fleets import MODELS, unit_of
from quantify.demo.people import PASSWORD, RESIDENT, SIGN_INS, person
from quantify.demo.stories import Story
from quantify.periods import local_day
from quantify.quantities import Utility
from units import sign_ins as resident_logins
from units.models import Occupancy, Resident, Unit

PHYSICAL_MAXIMUM = {
    Kind.ELECTRICITY: 5_760,
    Kind.SOLAR: 5_760,
    Kind.WATER: 800,
    Kind.BULK_ELECTRICITY: 600_000,
    Kind.BULK_WATER: 40_000,
}


@transaction.atomic
def estate(story: Story, plan: FleetPlan, *, port: int) -> Estate:
    """Register an estate with its units, people, meters and rates; all or nothing."""
    made = register(
        code=story.code,
        name=story.name,
        address=story.address,
        city=story.city,
        postal_code=story.postal_code,
        contact_name=f"{story.name} Estate Office",
        contact_phone="+27000000000",
        contact_email=f"office.{story.code.lower()}@example.com",
        total_units=len(list(story.units)),
    )
    made.settings.reading_freshness_minutes = 2 * 24 * 60
    made.settings.save()
    units = _units(story, made)
    _people(story, units, moved_in=local_day(plan.epoch))
    _meters(story, made, units, plan, port=port)
    prices.assign(story, made)
    return made


@transaction.atomic
def sign_ins(*, works_for: Story) -> None:
    """The four people who sign in; all but the first work for one estate alone."""
    workplace = Estate.objects.get(code=works_for.code)
    for username, full_name, role in SIGN_INS:
        if User.objects.filter(username=username).exists():
            continue
        user = User.objects.create_user(username, PASSWORD, role=role, full_name=full_name)
        if not user.sees_every_estate:
            Membership.objects.create(user=user, estate=workplace)


@transaction.atomic
def resident_sign_in(story: Story, *, at: datetime) -> None:
    """The login of the resident of one home, where the story has one and nobody made it yet."""
    if not story.signs_in or User.objects.filter(username=RESIDENT).exists():
        return
    stays = Occupancy.objects.on(local_day(at)).filter(
        unit__estate__code=story.code, unit__unit_number=story.signs_in
    )
    resident = stays.select_related("resident").get().resident
    user = resident_logins.invite(resident=resident, username=RESIDENT)
    user.set_password(PASSWORD)
    user.save(update_fields=["password", "password_changed_at", "updated_at"])


def _units(story: Story, made: Estate) -> dict[str, Unit]:
    units = [
        Unit(
            estate=made,
            unit_number=number,
            building=number[0],
            floor=int(number[2]),
            bedrooms=1 + int(number[-1]) % 3,
            bathrooms=1 + int(number[-1]) % 2,
            status=Unit.Status.VACANT if number in story.vacant else Unit.Status.OCCUPIED,
            protected_supply=number in story.protected,
        )
        for number in story.units
    ]
    return {unit.unit_number: unit for unit in Unit.objects.bulk_create(units)}


def _people(story: Story, units: dict[str, Unit], *, moved_in: date) -> None:
    lived_in = [unit for number, unit in units.items() if number not in story.vacant]
    residents = Resident.objects.bulk_create(
        Resident(estate=unit.estate, **vars(person(f"{story.code} {unit.unit_number}")))
        for unit in lived_in
    )
    Occupancy.objects.bulk_create(
        Occupancy(unit=unit, resident=resident, starts_on=moved_in)
        for unit, resident in zip(lived_in, residents, strict=True)
    )


def _meters(
    story: Story, made: Estate, units: dict[str, Unit], plan: FleetPlan, *, port: int
) -> None:
    concentrator = Concentrator.objects.create(
        estate=made,
        serial=f"DC450-{story.code}",
        name=f"{story.name} concentrator",
        host="127.0.0.1",
        port=port,
        addressing=story.addressing,
        # It runs behind on purpose until it has caught up; its clock is not wrong.
        keeps_clocks=False,
    )
    meters = Meter.objects.bulk_create(
        Meter(estate=made, **_meter_fields(one), **_reach(one, concentrator)) for one in plan.meters
    )
    Register.objects.bulk_create(_register(meter) for meter in meters)
    Installation.objects.bulk_create(
        Installation(
            meter=meter,
            unit=units.get(unit_of(story, one) or ""),
            kind=meter.kind,
            starts_at=plan.epoch,
            opening_value=one.opening_register,
        )
        for meter, one in zip(meters, plan.meters, strict=True)
    )


@transaction.atomic
def give_keys(plan: FleetPlan) -> None:
    """What the simulated meters are opened with, where that is not known yet."""
    wanted = {one.serial: one for one in plan.meters if one.encryption_key}
    for meter in Meter.objects.filter(serial__in=wanted, keys=None):
        one = wanted[meter.serial]
        given = Secrets("", one.encryption_key, one.authentication_key)
        keys.give(meter=meter, given=given)


def _meter_fields(one: MeterPlan) -> dict[str, Any]:
    _, manufacturer, model = MODELS[one.kind]
    return {
        "serial": one.serial,
        "kind": one.kind.value,
        "manufacturer": manufacturer,
        "model": model,
        "has_relay": one.kind.has_relay,
        "maximum_per_interval": PHYSICAL_MAXIMUM[one.kind],
        "relay_state": Meter.RelayState.CONNECTED
        if one.kind.has_relay
        else Meter.RelayState.UNKNOWN,
    }


def _reach(one: MeterPlan, concentrator: Concentrator) -> dict[str, Any]:
    if one.dev_eui:
        return {"communication_type": Meter.CommunicationType.LORA}
    return {
        "concentrator": concentrator,
        "logical_device": one.logical_device,
        "gateway_address": f"{one.logical_device:04x}",
    }


def _register(meter: Meter) -> Register:
    water = meter.utility is Utility.WATER
    return Register(
        meter=meter,
        channel=Register.Channel.VOLUME if water else Register.Channel.IMPORT,
        obis="8.0.1.0.0.255" if water else "1.0.1.8.0.255",
        profile_obis="8.0.99.1.0.255" if water else "1.0.99.1.0.255",
    )
