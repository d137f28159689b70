from django.db import migrations

from accounts.audit import unwatch, watch


class Migration(migrations.Migration):
    dependencies = [("units", "0005_identities_and_consents"), ("accounts", "0006_looking")]

    operations = [
        unwatch("units_resident"),
        watch("units_resident", ignoring=("identity_sealed",)),
        watch("units_consent"),
    ]
