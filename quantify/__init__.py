"""Quantify: prepaid utility metering for residential estates."""

from quantify.celery import app as celery_app

__all__ = ["celery_app"]
