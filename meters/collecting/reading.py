"""What is said to one meter during a visit."""

import asyncio
from datetime import timedelta
from uuid import UUID

from meters import clocks
from meters.batches import RawReading
from meters.collecting import identity
from meters.collecting.rounds import Round, Stopwatch, Visit
from meters.collecting.targets import JUST_AFTER, Profile
from meters.dlms import event_logs
from meters.dlms.meter import Meter as Talk
from meters.dlms.values import ProfileRow
from meters.event_codes import LOGS
from meters.events import RawEvent

AT_ONCE = timedelta(days=7)


async def read_out(talk: Talk, visit: Visit, visiting: Round, stopwatch: Stopwatch) -> None:
    """
    Clock, relay, profiles and events of a meter; what it said counts also before an error.

    :raises AnotherMeter: if it is another one than was meant; then nothing that it said counts.
    :raises meters.dlms.errors.DlmsError: if the meter does not answer, or not as it should.
    """
    snapshot = await talk.snapshot(relay=visit.target.has_relay, serial=True)
    if snapshot.serial:
        identity.check(snapshot.serial, visit.target.serial)
    else:
        await identity.verify(talk, visit.target.serial)
    visit.heard = True
    visit.relay, visit.relay_read_at = snapshot.relay, stopwatch.now()
    if snapshot.clock is not None:
        visit.drift = clocks.drift(snapshot.clock, stopwatch.now())
    for profile in visit.target.profiles:
        await _read_profile(talk, visit, profile, visiting, stopwatch)
    await _read_events(talk, visit)
    await _ask_again(talk, visit, visiting, stopwatch)


async def set_clock(talk: Talk, visit: Visit, visiting: Round, stopwatch: Stopwatch) -> None:
    """
    Set a clock that is still off, away from the edges of the quarters, and see that it is.

    :raises meters.dlms.errors.DlmsError: if the meter does not answer, or not as it should.
    """
    theirs = (await talk.snapshot(relay=False)).clock
    drift = None if theirs is None else clocks.drift(theirs, stopwatch.now())
    pause = clocks.wait(stopwatch.now(), theirs).total_seconds()
    if not clocks.is_off(drift) or stopwatch.passed + pause >= visiting.seconds:
        return
    await asyncio.sleep(pause)
    await talk.set_clock(stopwatch.now())
    after = (await talk.clock() - stopwatch.now()).total_seconds()
    visit.clock_was_set = not clocks.is_off(round(after))
    visit.clock_set_at = stopwatch.now()
    if not visit.clock_was_set:
        visit.error = f"The clock was set and is still {after:.0f} s off."


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


async def _read_events(talk: Talk, visit: Visit) -> None:
    """What was written in the meter's logs since the last that is known of each."""
    since = visit.target.events_since
    if since is None or visit.events_read:
        return
    logs = await event_logs.read(talk, {LOGS[log]: at for log, at in since.items()})
    visit.events_read = True
    visit.events = [
        RawEvent(visit.target.meter_id, log, at, code)
        for log in since
        for at, code in logs.get(LOGS[log], ())
    ]


async def _ask_again(talk: Talk, visit: Visit, visiting: Round, stopwatch: Stopwatch) -> None:
    """Ask for what lacks between known readings."""
    profiles = {profile.obis: profile for profile in visit.target.profiles}
    while len(visit.asked_again) < len(visit.target.missing):
        if stopwatch.passed >= visiting.seconds:
            return
        missing = visit.target.missing[len(visit.asked_again)]
        end = missing.ask_to - (JUST_AFTER if missing.ask_to == missing.ends_at else timedelta(0))
        start = missing.asked_until + JUST_AFTER
        for row in await talk.profile(missing.profile, start=start, end=end):
            visit.readings += _readings(visit.target.meter_id, profiles[missing.profile], row)
        visit.asked_again.append(missing)


def _readings(meter_id: UUID, profile: Profile, row: ProfileRow) -> list[RawReading]:
    return [
        RawReading(meter_id, channel, row.taken_at, row.values[obis], row.status or 0)
        for obis, channel in profile.channels.items()
        if obis in row.values
    ]
