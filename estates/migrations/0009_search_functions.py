from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION search_text(VARIADIC parts text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT lower(array_to_string(parts, ' ')) $$;
CREATE FUNCTION search_words(document text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT to_tsvector('simple', regexp_replace(document, '[^[:alnum:]]+', ' ', 'g')) $$;
"""
NO_FUNCTIONS = "DROP FUNCTION search_words(text); DROP FUNCTION search_text(text[]);"

class Migration(migrations.Migration):

    dependencies = [
        ('estates', '0008_coordinates'),
    ]

    operations = [
        TrigramExtension(),
        migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS),
    ]
