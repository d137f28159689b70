"""The product as it is served, with plain views beside it to hold it against."""

from quantify.settings.dev import *  # noqa: F403

DEBUG = False
ROOT_URLCONF = "benchmarks.api_plain"
