"""Readings from files: read line by line, judged together, told line by line."""
