import pytest
from django.core.exceptions import ValidationError

from notifications import first_templates, wording
from notifications.models import Notification, Template
from notifications.placeholders import SAMPLES, filled

Event = Notification.Event
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _templates(db):
    """Tests that commit empty the table behind them."""
    first_templates.write(Template)


def template(**more: str) -> Template:
    texts = {"subject": "Hello {name}", "body": "{balance} is left", "short": "{balance}"}
    return Template(**{"event": Event.LOW_BALANCE, "language": "zu", **texts, **more})


class TestClean:
    @pytest.mark.parametrize("field", ["subject", "body", "short"])
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("{amount}", "unknown_placeholder"),
            ("{password}", "unknown_placeholder"),
            ("{name.__class__}", "brace"),
            ("{name!r}", "brace"),
            ("{0}", "brace"),
            ("{{ name }}", "brace"),
            ("{% load x %}", "brace"),
            ("{name", "brace"),
            ("name}", "brace"),
            ("{NAME}", "brace"),
        ],
    )
    def test_refuses_what_would_not_be_replaced(self, field, text, code):
        with pytest.raises(ValidationError) as refused:
            template(**{field: text}).full_clean()

        assert refused.value.error_dict[field][0].code == code

    def test_takes_what_the_event_has(self):
        template().full_clean()

    def test_takes_one_template_for_each_event_and_language(self):
        template().save()

        with pytest.raises(ValidationError) as refused:
            template().full_clean()

        assert refused.value.error_dict["__all__"][0].code == "duplicate"

    def test_holds_for_all_that_come_with_the_product(self):
        rows = list(Template.objects.all())

        assert len(rows) == 20
        for row in rows:
            row.full_clean()
            assert "{" not in wording.sample(row).body


class TestFilled:
    def test_takes_a_value_for_a_value(self):
        values = {"name": "{balance} {% x %} {{ y }}", "balance": "R1"}

        assert filled("{name}: {balance}", values) == "{balance} {% x %} {{ y }}: R1"

    def test_leaves_nothing_for_a_value_that_is_missing(self):
        assert filled("a{name}b", {}) == "ab"

    def test_drops_signs_that_control_something(self):
        assert filled("{name}", {"name": "a\x1b[31m\r\x00b"}) == "a[31mb"

    def test_has_samples_for_every_event(self):
        assert set(SAMPLES) == set(Event.values)
