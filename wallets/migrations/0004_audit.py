from django.db import migrations

from accounts.audit import watch


class Migration(migrations.Migration):
    dependencies = [("wallets", "0003_wallet_with_unit"), ("accounts", "0002_audit_trail")]

    operations = [
        watch(
            "wallets_wallet",
            ignoring=(
                "available", "electricity", "water", "solar", "arrears", "balance", "sequence",
            ),
        ),
        watch("wallets_creditswitch"),
    ]
