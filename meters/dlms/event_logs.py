"""Event logs (profile generics of clock and code): all that are asked for in two requests."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from meters.dlms import instants, profile
from meters.dlms.errors import AccessDenied
from meters.dlms.meter import Meter
from meters.dlms.obis import ClassId
from meters.dlms.profile import ProfileLayout
from meters.dlms.selection import RangeSelection
from meters.dlms.services import Attribute

CODE_PREFIX = "0.0.96.11."
UNTIL = timedelta(days=366)


async def read(
    meter: Meter, since: Mapping[str, datetime]
) -> dict[str, list[tuple[datetime, int]]]:
    """
    The entries (instant by the meter's clock, code) of each log from an instant on.

    Logs that the meter does not have, or does not show, are left out.

    :raises meters.dlms.errors.DlmsError: if the meter does not answer, or not as it should.
    """
    layouts = await _layouts(meter, list(since))
    asked = [
        (Attribute(ClassId.PROFILE_GENERIC, name, 2), _from(since[name], meter.utc_offset))
        for name in layouts
    ]
    entries: dict[str, list[tuple[datetime, int]]] = {}
    for name, rows in zip(layouts, await meter.get_selected(asked), strict=True):
        if not isinstance(rows, AccessDenied):
            told = profile.rows_of(rows, layouts[name], offset=meter.utc_offset)
            entries[name] = [
                (row.taken_at, code)
                for row in told
                for column, code in row.values.items()
                if column.startswith(CODE_PREFIX)
            ]
    return entries


async def _layouts(meter: Meter, names: list[str]) -> dict[str, ProfileLayout]:
    columns = [Attribute(ClassId.PROFILE_GENERIC, name, 3) for name in names]
    told = zip(names, await meter.get_many(columns), strict=True)
    return {
        name: ProfileLayout(profile.columns_of(objects), timedelta(0))
        for name, objects in told
        if not isinstance(objects, AccessDenied)
    }


def _from(since: datetime, offset: timedelta) -> RangeSelection:
    # A clock that runs ahead wrote its entries ahead of ours.
    end = since + UNTIL
    return RangeSelection(
        instants.encode(since, offset=offset), instants.encode(end, offset=offset)
    )
