from django.db import migrations

from accounts import roles


def create(apps, schema_editor):
    Role = apps.get_model("accounts", "Role")
    for code, (name, _permissions) in roles.BUILT_IN.items():
        Role.objects.get_or_create(code=code, defaults={"name": name})


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
