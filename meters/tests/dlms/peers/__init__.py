"""Clients this project did not write; each runs in a process of its own."""
