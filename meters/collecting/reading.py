"""What is said to one meter during a visit."""

from datetime import timedelta
from uuid import UUID

from meters.batches import RawReading
from meters.collecting.rounds import Round, Stopwatch, Visit
from meters.collecting.targets import JUST_AFTER, Profile
from meters.dlms.meter import Meter as Talk
from meters.dlms.values import ProfileRow

CLOCK_TOLERANCE = timedelta(seconds=60)
AT_ONCE = timedelta(days=7)


async def read_out(talk: Talk, visit: Visit, visiting: Round, stopwatch: Stopwatch) -> None:
    """
    Clock, relay and profiles of a meter; what it said is in the visit, also before an error.

    :raises meters.dlms.errors.DlmsError: if the meter does not answer, or not as it should.
    """
    snapshot = await talk.snapshot(relay=visit.target.has_relay)
    visit.heard = True
    visit.relay, visit.relay_read_at = snapshot.relay, stopwatch.now()
    if snapshot.clock is not None:
        visit.drift = round((snapshot.clock - stopwatch.now()).total_seconds())
    for profile in visit.target.profiles:
        await _read_profile(talk, visit, profile, visiting, stopwatch)
    # Last, so that readings of the old time are not mixed up with the new one.
    is_off = visit.drift is None or abs(visit.drift) > CLOCK_TOLERANCE.total_seconds()
    if is_off and visiting.keeps_clocks:
        await talk.set_clock(stopwatch.now())
        visit.clock_was_set = True


async def _read_profile(
    talk: Talk, visit: Visit, profile: Profile, visiting: Round, stopwatch: Stopwatch
) -> None:
    """
    Read a profile in stretches of a few days: a lost connection costs one of them at most.

    A stretch without rows counts for nothing, so that a meter that forgot weeks of its past is
    still read up to now.
    """
    rows = 0
    start = visit.reached.get(profile.obis, profile.since) + JUST_AFTER
    while start <= visiting.until and rows < visiting.most_rows:
        if stopwatch.passed >= visiting.seconds:
            return
        end = min(start + AT_ONCE, visiting.until)
        found = await talk.profile(profile.obis, start=start, end=end)
        for row in found:
            visit.readings += _readings(visit.target.meter_id, profile, row)
        rows += len(found)
        visit.reached[profile.obis] = end
        start = end + JUST_AFTER


def _readings(meter_id: UUID, profile: Profile, row: ProfileRow) -> list[RawReading]:
    return [
        RawReading(meter_id, channel, row.taken_at, row.values[obis], row.status or 0)
        for obis, channel in profile.channels.items()
        if obis in row.values
    ]
