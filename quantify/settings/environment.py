"""The environment that settings are read from, and the file that may add to it."""

from pathlib import Path

import environ

env = environ.Env()
env.read_env(Path(__file__).resolve().parents[2] / ".env")
