"""
Read one meter with the gurux client and print what it understood as JSON.

Run as a program with one JSON argument; the product never imports it.
"""

import json
import socket
import struct
import sys
from datetime import UTC, datetime

from gurux_dlms import GXDLMSClient, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType, Security
from gurux_dlms.GXDLMSGateway import GXDLMSGateway
from gurux_dlms.objects import (
    GXDLMSClock,
    GXDLMSData,
    GXDLMSDisconnectControl,
    GXDLMSProfileGeneric,
    GXDLMSRegister,
)
from gurux_dlms.secure import GXDLMSSecureClient

RELEASE_RESPONSE = 0x63


def client_for(order):
    """A client with as much security as the order asks for."""
    device, security = order["device"], order.get("security")
    if security is None:
        return GXDLMSClient(True, 1, device, Authentication.NONE, None, InterfaceType.WRAPPER)
    if security == "low":
        secret = order["password"]
        return GXDLMSClient(True, 1, device, Authentication.LOW, secret, InterfaceType.WRAPPER)
    client = GXDLMSSecureClient(
        True, 1, device, Authentication.HIGH_GMAC, None, InterfaceType.WRAPPER
    )
    client.ciphering.security = Security.AUTHENTICATION_ENCRYPTION
    client.ciphering.systemTitle = bytearray.fromhex(order["title"])
    client.ciphering.blockCipherKey = bytearray.fromhex(order["encryption_key"])
    client.ciphering.authenticationKey = bytearray.fromhex(order["authentication_key"])
    client.ciphering.invocationCounter = order["counter"]
    return client


class Peer:
    def __init__(self, order):
        self.socket = socket.create_connection(("127.0.0.1", order["port"]), timeout=10)
        self.client = client_for(order)
        self.client.autoIncreaseInvokeID = True
        if order["gateway"]:
            gateway = GXDLMSGateway()
            gateway.networkId = 0
            gateway.physicalDeviceAddress = order["gateway"].to_bytes(2)
            self.client.gateway = gateway
        self.client.maxReceivePDUSize = order["max_pdu"]
        self.answers = 0

    def octets(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("closed by the simulator")
            data += piece
        return data

    def frame(self):
        header = self.octets(8)
        self.answers += 1
        return header + self.octets(struct.unpack(">4H", header)[3])

    def ask(self, messages):
        reply = GXReplyData()
        for message in messages if isinstance(messages, list) else [messages]:
            self.socket.sendall(bytes(message))
            self.client.getData(bytearray(self.frame()), reply)
            while reply.isMoreData():
                self.socket.sendall(bytes(self.client.receiverReady(reply)))
                self.client.getData(bytearray(self.frame()), reply)
        if reply.error:
            raise RuntimeError(f"error {reply.error}")
        return reply

    def read(self, item, attribute):
        reply = self.ask(self.client.read(item, attribute))
        return self.client.updateValue(item, attribute, reply.value)

    def associate(self):
        reply = self.ask(self.client.aarqRequest())
        self.client.parseAareResponse(reply.data)
        if self.client.authentication > Authentication.LOW:
            reply = self.ask(self.client.getApplicationAssociationRequest())
            self.client.parseApplicationAssociationResponse(reply.data)

    def release(self):
        reply = self.ask(self.client.releaseRequest())
        return int(reply.command) == RELEASE_RESPONSE


def moment(value):
    return value.value.astimezone(UTC).isoformat()


def relay(peer, item):
    return [bool(peer.read(item, 2)), int(peer.read(item, 3)), int(peer.read(item, 4))]


def register(peer, name):
    item = GXDLMSRegister(name)
    peer.read(item, 3)
    raw = peer.ask(peer.client.read(item, 2)).value
    return [raw, item.scaler, int(item.unit)]


def profile(peer, order):
    item = GXDLMSProfileGeneric(order["profile"])
    peer.read(item, 3)
    peer.read(item, 4)
    start, end = (datetime.fromisoformat(order[key]) for key in ("start", "end"))
    before = peer.answers
    reply = peer.ask(peer.client.readRowsByRange(item, start, end))
    peer.client.updateValue(item, 2, reply.value)
    by_range = [[moment(row[0]), *row[1:]] for row in item.buffer]
    blocks = peer.answers - before
    reply = peer.ask(peer.client.readRowsByEntry(item, 1, 3))
    peer.client.updateValue(item, 2, reply.value)
    by_entry = [[moment(row[0]), *row[1:]] for row in item.buffer]
    return {
        "columns": [column.logicalName for column, _ in item.captureObjects],
        "period": item.capturePeriod,
        "rows": by_range,
        "blocks": blocks,
        "first_entries": by_entry,
    }


def run(order):
    peer = Peer(order)
    peer.associate()
    clock = GXDLMSClock("0.0.1.0.0.255")
    name = GXDLMSData("0.0.42.0.0.255")
    told = {
        "clock": moment(peer.read(clock, 2)),
        "name": bytes(peer.ask(peer.client.read(name, 2)).value).decode(),
        "registers": {obis: register(peer, obis) for obis in order["registers"]},
        "profile": profile(peer, order),
    }
    registers = [(GXDLMSRegister(obis), 2) for obis in order["registers"] * 3]
    [request] = peer.client.readList(registers)
    told["list"] = peer.ask(request).value
    if order["relay"]:
        item = GXDLMSDisconnectControl("0.0.96.3.10.255")
        told["before"] = relay(peer, item)
        peer.ask(item.remoteDisconnect(peer.client))
        told["disconnected"] = relay(peer, item)
        peer.ask(item.remoteReconnect(peer.client))
        told["reconnected"] = relay(peer, item)
    told["released"] = peer.release()
    return told


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(json.loads(sys.argv[1]))))
