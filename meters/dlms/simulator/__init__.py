"""A concentrator with its meters, in software: for tests, demonstrations and load trials."""
