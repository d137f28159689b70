"""Events as ChirpStack v4 posts them, for tests."""

import base64
from datetime import datetime
from uuid import uuid4

from meters.api.chirpstack import HEADER

EUI = "24e124136f215917"
PROFILE = "Milesight EM300-DI"


def up(payload: bytes, at: datetime, *, counter: int = 0, eui: str = EUI, port: int = 85, **more):
    """An uplink; what is zero is left out, as ChirpStack does."""
    body = {
        "deduplicationId": str(uuid4()),
        "time": at.isoformat().replace("+00:00", "") + "123+00:00"
        if at.microsecond
        else at.isoformat(),
        "deviceInfo": {
            "applicationId": "17c82e96-be03-4f38-aef3-f83d48582d97",
            "deviceName": "A-101 water",
            "deviceProfileName": PROFILE,
            "devEui": eui,
            "tags": {},
        },
        "devAddr": "00189440",
        "fPort": port,
        "fCnt": counter,
        "data": base64.b64encode(payload).decode(),
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -36, "snr": 10.5}],
    } | more
    return {name: value for name, value in body.items() if value not in (0, "", False)}


def notice(*, eui: str = EUI, **fields):
    return {"deviceInfo": {"devEui": eui, "deviceName": "A-101 water"}, **fields}


def post(client, secret: str, body, *, event: str = "up"):
    return client.post(
        f"/integrations/chirpstack?event={event}",
        body,
        format="json",
        headers={HEADER: secret},
    )
