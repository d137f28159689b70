"""Reports own no facts; this only names the permission to read them."""

from django.db import models


class Report(models.Model):
    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_report", "Can read reports")]
