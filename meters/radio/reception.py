"""
Taking in what a network server posts: kept first, read afterwards.

An uplink is committed before anything is made of it, so that neither a fault in a decoder nor a
crash loses it. What was not read is found by its outcome.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest

from meters.control import downlinks
from meters.lorawan import catalogue, chirpstack
from meters.lorawan.chirpstack import Kind, Notice
from meters.models.downlinks import DownlinkEvent
from meters.models.radio import LoraDevice, NetworkServer, Uplink
from meters.radio import decoding

type Received = Literal["stored", "duplicate", "unknown_device", "noted", "ignored"]


def take_uplink(server: NetworkServer, heard: chirpstack.Uplink, *, now: datetime) -> Received:
    """
    Keep an uplink, and record what it says if its device is registered.

    An uplink of a device nobody registered is kept too, and read once somebody does.
    """
    with transaction.atomic():
        device = _device(server, heard.device)
        stored = _store(device, heard)
        _note_event(server, now)
    if stored is None:
        return "duplicate"
    if device.meter_id is None:
        return "unknown_device"
    decoding.read_new(device.pk)
    return "stored"


def take_backlog(
    server: NetworkServer, backlog: Sequence[chirpstack.Uplink], *, now: datetime
) -> int:
    """
    Keep what a network server held back, a device at once; returns how many uplinks were new.

    As `take_uplink` in the order of their time, but one frame counter is taken for one frame:
    a device that joined meanwhile is not told apart. Nothing is read yet.
    """
    by_device: dict[str, list[chirpstack.Uplink]] = {}
    for heard in sorted(backlog, key=lambda one: one.at):
        by_device.setdefault(heard.device.eui, []).append(heard)
    return sum(_keep(server, uplinks, now) for _, uplinks in sorted(by_device.items()))


@transaction.atomic
def _keep(server: NetworkServer, uplinks: Sequence[chirpstack.Uplink], now: datetime) -> int:
    device = _device(server, uplinks[0].device)
    before = device.uplinks.count()
    Uplink.objects.bulk_create(
        [_row(device, heard) for heard in uplinks], ignore_conflicts=True, batch_size=2000
    )
    _mark(device, uplinks[-1])
    _note_event(server, now)
    return device.uplinks.count() - before


def take_notice(server: NetworkServer, notice: Notice, *, now: datetime) -> Received:
    """Note what another event tells of its device; those that tell nothing are ignored."""
    with transaction.atomic():
        _note_event(server, now)
        if notice.kind is Kind.JOIN:
            _joined(_device(server, notice.device), notice)
        elif notice.kind is Kind.STATUS:
            _reported_status(_device(server, notice.device), notice, now)
        elif tells := _told_of_queue(notice):
            device = _device(server, notice.device)
            item, at = notice.queue_item, notice.at or now
            downlinks.take_event(device, kind=tells, queue_item=item, at=at, now=now)
        elif notice.kind is Kind.LOG and notice.level == "ERROR":
            device = _device(server, notice.device)
            device.problem = f"{notice.code}: {notice.description}"[:250]
            device.save(update_fields=["problem", "updated_at"])
        else:
            return "ignored"
    return "noted"


def _told_of_queue(notice: Notice) -> DownlinkEvent.Kind | None:
    """What an event tells of an item of the queue, if it does."""
    if not notice.queue_item:
        return None
    if notice.kind is Kind.TXACK:
        return DownlinkEvent.Kind.ON_AIR
    if notice.kind is not Kind.ACK:
        return None
    if notice.is_acknowledged:
        return DownlinkEvent.Kind.ACKNOWLEDGED
    return DownlinkEvent.Kind.NOT_ACKNOWLEDGED


def _device(server: NetworkServer, heard: chirpstack.Device) -> LoraDevice:
    """The device, locked; one that was never heard is put on the list of unknown ones."""
    LoraDevice.objects.bulk_create(
        [
            LoraDevice(
                server=server,
                dev_eui=heard.eui,
                name=heard.name,
                profile=heard.profile,
                model=catalogue.guess(heard.profile),
            )
        ],
        ignore_conflicts=True,
    )
    device = LoraDevice.objects.select_for_update(of=("self",)).get(
        server=server, dev_eui=heard.eui
    )
    told = {"name": heard.name, "profile": heard.profile}
    if news := [name for name, value in told.items() if value and getattr(device, name) != value]:
        for name in news:
            setattr(device, name, told[name])
        device.save(update_fields=[*news, "updated_at"])
    return device


def _store(device: LoraDevice, heard: chirpstack.Uplink) -> Uplink | None:
    """Keep an uplink; None if it was kept before."""
    if device.uplinks.filter(deduplication_id=heard.deduplication_id).exists():
        return None
    if _begins_anew(device, heard):
        device.session += 1
        device.frame_counter = None
    same = Q(session=device.session, frame_counter=heard.counter)
    if device.uplinks.filter(same).exists():
        return None
    uplink = _row(device, heard)
    uplink.save(force_insert=True)
    _mark(device, heard)
    return uplink


def _row(device: LoraDevice, heard: chirpstack.Uplink) -> Uplink:
    return Uplink(
        device=device,
        deduplication_id=heard.deduplication_id,
        session=device.session,
        frame_counter=heard.counter,
        port=heard.port,
        payload=heard.payload,
        heard_at=heard.at,
        rssi=heard.signal.rssi if heard.signal else None,
        snr=heard.signal.snr if heard.signal else None,
    )


def _begins_anew(device: LoraDevice, heard: chirpstack.Uplink) -> bool:
    """
    Whether the frame counter started again without a join that we heard of.

    A later uplink with a lower counter says so; an earlier one is only late.
    """
    if device.last_uplink_at is None or heard.at <= device.last_uplink_at:
        return False
    if heard.address and device.address and heard.address != device.address:
        return True
    return device.frame_counter is not None and heard.counter < device.frame_counter


def _mark(device: LoraDevice, heard: chirpstack.Uplink) -> None:
    if device.last_uplink_at is not None and heard.at < device.last_uplink_at:
        return
    device.last_uplink_at, device.frame_counter = heard.at, heard.counter
    device.address = heard.address or device.address
    if heard.signal:
        device.rssi, device.snr = heard.signal.rssi, heard.signal.snr
        device.gateway = heard.signal.gateway
    device.save()


def _joined(device: LoraDevice, notice: Notice) -> None:
    """A device that joins counts its frames from zero, under a new address."""
    if notice.address and notice.address == device.address:
        return
    device.session += 1
    device.address, device.frame_counter = notice.address, None
    device.save(update_fields=["session", "address", "frame_counter", "updated_at"])


def _reported_status(device: LoraDevice, notice: Notice, now: datetime) -> None:
    if notice.battery_percent is None:
        return
    at = notice.at or now
    if device.battery_at is None or device.battery_at <= at:
        device.battery_percent, device.battery_at = notice.battery_percent, at
        device.save(update_fields=["battery_percent", "battery_at", "updated_at"])


def _note_event(server: NetworkServer, now: datetime) -> None:
    """The server posts; at most once a minute, for its row is shared by all its devices."""
    due = Q(last_event_at=None) | Q(last_event_at__lt=now.replace(second=0, microsecond=0))
    NetworkServer.objects.filter(due, pk=server.pk).update(
        last_event_at=Greatest(F("last_event_at"), now), last_problem=""
    )
