"""Rate tables, their versions and calendars, and who pays from which, in the portal."""

from rates.admin import assigning, tables

__all__ = ["assigning", "tables"]
