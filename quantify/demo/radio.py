"""The LoRaWAN network of a demonstration estate, as the product sees it."""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from django.utils import timezone

from estates.models import Estate
from meters.dlms.simulator.fleet import FleetPlan
from meters.dlms.simulator.loads import Counts
from meters.lorawan import chirpstack
from meters.lorawan.simulator.counters import Counter
from meters.models import LoraDevice, Meter, NetworkServer
from meters.radio import devices, reception, servers
from meters.readings import Recorded

NAME = "ChirpStack (simulated)"
SILENT_AFTER = timedelta(days=2)
"""The simulated network begins a day in the past."""


def join(estate: Estate, plan: FleetPlan, path: Path, *, port: int) -> None:
    """
    Register the estate's network server, and tell the simulator what it posts and is asked with.

    Where the simulator has lost what it was told, both secrets are made anew.
    """
    if not any(one.dev_eui for one in plan.meters):
        return
    told = path.with_suffix(".radio")
    server = NetworkServer.objects.filter(estate=estate, name=NAME).first()
    if server is not None and told.exists():
        return
    if server is None:
        server, secret = servers.register(estate=estate, name=NAME)
    else:
        secret = servers.rotate(server=server, now=timezone.now(), overlap=timedelta(0))
    api_key = secrets.token_hex(16)
    if any(one.dev_eui and one.kind.has_relay for one in plan.meters):
        address = f"http://127.0.0.1:{port}"
        servers.give_access(server=server, address=address, api_key=api_key)
    told.touch(mode=0o600)
    told.write_text(json.dumps({"secret": secret, "api_key": api_key, "port": port}))


def hear(
    estate: Estate, plan: FleetPlan, registers: Mapping[int, Counts], *, now: datetime
) -> Recorded:
    """
    Take in what the devices have sent since they were put up, then make them meters' voices.

    As in the field: what is heard of a device nobody knows is kept, and read once it is known.
    """
    counters = [Counter(one, plan.epoch) for one in plan.meters if one.dev_eui]
    recorded = Recorded()
    if not counters:
        return recorded
    server = NetworkServer.objects.get(estate=estate, name=NAME)
    meters = {meter.serial: meter for meter in Meter.objects.filter(estate=estate)}
    for counter in counters:
        frames = counter.past(plan.epoch, registers[counter.plan.logical_device].tolist())
        reception.take_backlog(server, [chirpstack.uplink(frame) for frame in frames], now=now)
        device = LoraDevice.objects.get(server=server, dev_eui=counter.plan.dev_eui)
        outcome = devices.register(
            device_id=device.pk,
            meter=meters[counter.plan.serial],
            model=counter.model,
            base_value=counter.plan.opening_register,
            offline_after_minutes=SILENT_AFTER // timedelta(minutes=1),
        )
        recorded += outcome.recorded
    return recorded
