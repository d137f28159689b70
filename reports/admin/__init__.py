"""Pages of rooms below, extended by what reads across rooms."""

from reports.admin import rates

__all__ = ["rates"]
