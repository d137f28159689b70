"""LoRaWAN as it is on the air and at ChirpStack: bytes in, values out; no Django."""
