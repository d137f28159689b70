"""Reports own no facts; this only names the permission to read them."""

from django.db import models


class Report(models.Model):
    """Has no table; `reports.view_report` hangs on it."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_report", "Can read reports")]

    def __str__(self) -> str:
        return "Reports"
