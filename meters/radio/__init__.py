"""LoRaWAN in the house: who may post, what was heard, and the readings that come of it."""
