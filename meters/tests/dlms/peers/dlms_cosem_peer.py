"""
Read one meter with the client of dlms-cosem 21.3.2 and print what it understood as JSON.

Run as a program with one JSON argument; the product never imports it.
"""

import json
import sys
from datetime import UTC, datetime

from dlms_cosem import cosem, enumerations, exceptions, time, utils
from dlms_cosem.clients.blocking_tcp_transport import BlockingTcpTransport
from dlms_cosem.clients.dlms_client import DataResultError, DlmsClient
from dlms_cosem.cosem.capture_object import CaptureObject
from dlms_cosem.cosem.selective_access import RangeDescriptor
from dlms_cosem.dlms_data import IntegerData
from dlms_cosem.parsers import ProfileGenericBufferParser
from dlms_cosem.protocol.acse import ReleaseResponse

Interface = enumerations.CosemInterface


class ClosingTransport(BlockingTcpTransport):
    """The client's own transport spins for ever when the other side hangs up."""

    answers = 0

    def recv(self):
        self.answers += 1
        return super().recv()

    def _recv_bytes(self, amount):
        data = b""
        while len(data) < amount:
            piece = self.tcp_socket.recv(amount - len(data))
            if not piece:
                raise exceptions.CommunicationError("closed by the simulator")
            data += piece
        return data


def attribute(interface, name, number):
    return cosem.CosemAttribute(interface, cosem.Obis.from_string(name), number)


def value(client, interface, name, number):
    return utils.parse_as_dlms_data(client.get(attribute(interface, name, number)))


def moment(raw):
    return time.datetime_from_bytes(raw)[0].astimezone(UTC).isoformat()


def relay(client):
    name = "0.0.96.3.10.255"
    return [value(client, Interface.DISCONNECT_CONTROL, name, number) for number in (2, 3, 4)]


def act(client, number):
    method = cosem.CosemMethod(
        Interface.DISCONNECT_CONTROL, cosem.Obis.from_string("0.0.96.3.10.255"), number
    )
    client.action(method, IntegerData(0).to_bytes())


def columns_of(client, name):
    listed = value(client, Interface.PROFILE_GENERIC, name, 3)
    return [
        cosem.CosemAttribute(Interface(item[0]), cosem.Obis.from_bytes(item[1]), item[2])
        for item in listed
    ]


def profile(client, order):
    columns = columns_of(client, order["profile"])
    period = value(client, Interface.PROFILE_GENERIC, order["profile"], 4)
    start, end = (datetime.fromisoformat(order[key]) for key in ("start", "end"))
    clock = CaptureObject(attribute(Interface.CLOCK, "0.0.1.0.0.255", 2))
    before = client.io_interface.answers
    raw = client.get(
        attribute(Interface.PROFILE_GENERIC, order["profile"], 2),
        RangeDescriptor(restricting_object=clock, from_value=start, to_value=end),
    )
    parser = ProfileGenericBufferParser(capture_objects=columns, capture_period=period // 60)
    rows = [
        [row[0].value.astimezone(UTC).isoformat(), *(cell.value for cell in row[1:])]
        for row in parser.parse_bytes(raw)
    ]
    return {
        "columns": [item.instance.to_string(separator=".") for item in columns],
        "period": period,
        "rows": rows,
        "blocks": client.io_interface.answers - before,
    }


def register(client, name):
    return [
        value(client, Interface.REGISTER, name, 2),
        *value(client, Interface.REGISTER, name, 3),
    ]


def listed(client, order):
    items = [
        cosem.CosemAttributeWithSelection(attribute(Interface.REGISTER, name, 2), None)
        for name in order["registers"]
    ]
    return client.get_many(items).result


def missing(client):
    try:
        client.get(attribute(Interface.REGISTER, "1.0.99.99.99.255", 2))
    except DataResultError as error:
        return str(error)
    return "found"


def run(order):
    client = DlmsClient(
        client_logical_address=1,
        server_logical_address=order["device"],
        io_interface=ClosingTransport("127.0.0.1", order["port"], 1, order["device"]),
        max_pdu_size=order["max_pdu"],
    )
    client.connect()
    client.associate()
    told = {
        "clock": moment(value(client, Interface.CLOCK, "0.0.1.0.0.255", 2)),
        "name": value(client, Interface.DATA, "0.0.42.0.0.255", 2).decode(),
        "registers": {name: register(client, name) for name in order["registers"]},
        "profile": profile(client, order),
        "missing": missing(client),
    }
    if order["lists"]:
        told["list"] = listed(client, order)
    if order["relay"]:
        told["before"] = relay(client)
        act(client, 1)
        told["disconnected"] = relay(client)
        act(client, 2)
        told["reconnected"] = relay(client)
    told["released"] = isinstance(client.release_association(), ReleaseResponse)
    client.disconnect()
    return told


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(json.loads(sys.argv[1]))))
