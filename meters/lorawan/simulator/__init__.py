"""A LoRaWAN network for tests and the demonstration: a ChirpStack, and devices that it hears."""
