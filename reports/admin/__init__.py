"""Pages of rooms below, extended by what reads across rooms."""

from reports.admin import estates, rates

__all__ = ["estates", "rates"]
