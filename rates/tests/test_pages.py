"""What the pages of rate tables show besides their forms: pictures, history, a preview."""

from datetime import date

import pytest
from django.urls import reverse

from accounts import roles
from estates.tests.factories import EstateFactory
from rates import tables
from rates.models import RateTableVersion
from rates.tests.factories import RateTableFactory, flat
from rates.tests.test_admin import client_of
from rates.tests.test_pictures import BLOCKS

pytestmark = pytest.mark.django_db

PREVIEW = "admin:rates_ratetable_preview"
TIMES = """[{"kind": "time_of_use", "prices": {"peak": "7", "standard": "2", "off_peak": "1"}}]"""


def preview(role: str = roles.SUPER_ADMIN, **typed: object) -> str:
    answer = client_of(role).post(reverse(PREVIEW), typed)
    assert answer.status_code == 200
    return answer.content.decode().replace("\xa0", " ")


class TestPicture:
    def test_is_of_the_real_prices_with_words_and_a_source(self):
        table = RateTableFactory.create(version__components=BLOCKS, version__source="Schedule 7")
        table.versions.update(confidence="press", year_inferred=True)

        page = client_of(roles.VIEWER).get(reverse("admin:rates_ratetable_change", args=[table.pk]))

        body = page.content.decode()
        assert "0 to 350 kWh at R2.0967; above 350 kWh at R2.7405." in body
        for words in ("Schedule 7", "Reported in the press", "Year inferred"):
            assert words in body

    def test_has_clocks_and_their_hours_as_a_table(self):
        table = RateTableFactory.create(version__components=[
            {"kind": "time_of_use", "prices": {"peak": "7", "standard": "2", "off_peak": "1"}}
        ])  # fmt: skip

        page = client_of(roles.VIEWER).get(
            reverse("admin:rates_ratetableversion_change", args=[table.versions.get().pk])
        )

        assert len(page.context["picture"].clocks) == 6
        assert "The hours as a table" in page.content.decode()

    def test_tells_what_each_version_changed(self):
        table = RateTableFactory.create()
        tables.create_version(
            table=table, effective_from=date(2026, 7, 1), components=flat("2.205")
        )

        page = client_of(roles.VIEWER).get(reverse("admin:rates_ratetable_change", args=[table.pk]))

        newest, first = page.context["past"]
        assert [(one.what, str(one.percent)) for one in newest.changes] == [("energy", "5.00")]
        assert (first.is_first, first.changes) == (True, [])

    def test_says_that_components_cannot_be_read(self):
        table = RateTableFactory.create(version__components=[{"kind": "energy"}])

        page = client_of(roles.VIEWER).get(reverse("admin:rates_ratetable_change", args=[table.pk]))

        assert "cannot be read" in page.content.decode()


class TestPreview:
    def test_costs_what_the_engine_says_with_vat(self):
        body = preview(utility="electricity", components='[{"kind": "energy", "price": "2.00"}]')

        # 50, 250 and 600 kWh at R2.00 and 15 % VAT.
        for cost in ("R 115.00", "R 575.00", "R 1 380.00"):
            assert cost in body

    def test_takes_a_number_as_it_is_taken_when_it_is_saved(self):
        body = preview(utility="electricity", components='[{"kind": "energy", "price": 20e-1}]')

        assert "R 115.00" in body

    def test_of_bands_tells_each_and_guesses_no_mixture(self):
        body = preview(utility="electricity", components=TIMES, effective_from="2026-07-01")

        assert "All off peak" in body
        assert "R 57.50" in body
        assert "R 402.50" in body

    def test_by_the_rules_of_a_stored_table(self):
        table = RateTableFactory.create(utility="water")

        assert "kl" in preview(rate_table=table.pk, components='[{"kind": "energy", "price": "9"}]')

    @pytest.mark.parametrize(
        ("typed", "words"),
        [
            ({"utility": "electricity", "components": "[{"}, "no JSON yet"),
            ({"utility": "electricity", "components": "{}"}, "write a list"),
            ({"utility": "electricity", "components": "[]"}, "at least one component"),
            ({"utility": "electricity", "components": '[{"kind": "energy"}]'}, "[0].price"),
            (
                {"utility": "electricity", "components": '[{"kind": "energy", "price": "20e-1"}]'},
                "[0].price",
            ),
            ({"components": "[]"}, "Choose the rate table"),
            ({"rate_table": "x", "components": "[]"}, "Choose the rate table"),
        ],
    )
    def test_says_what_is_wrong(self, typed, words):
        assert words in preview(**typed)

    def test_warns_of_cents_typed_as_rand(self):
        body = preview(utility="electricity", components='[{"kind": "energy", "price": "209"}]')

        assert "not in cents" in body

    def test_stores_nothing_and_is_for_those_who_set_prices(self):
        own = RateTableFactory.create(estate=EstateFactory.create())
        typed = {"rate_table": own.pk, "components": '[{"kind": "energy", "price": "2.00"}]'}

        assert "Choose the rate table" in preview(roles.BILLING_ADMIN, **typed)
        for role, status in ((roles.VIEWER, 403), (roles.RESIDENT, 302)):
            assert client_of(role).post(reverse(PREVIEW), typed).status_code == status
        assert client_of(roles.SUPER_ADMIN).get(reverse(PREVIEW)).status_code == 405
        assert RateTableVersion.objects.count() == 1

    def test_stands_beside_the_forms_of_those_who_may_change(self):
        version = RateTableFactory.create().versions.get()
        url = reverse("admin:rates_ratetableversion_change", args=[version.pk])

        assert 'id="rate-preview"' in client_of(roles.SUPER_ADMIN).get(url).content.decode()
        assert 'id="rate-preview"' not in client_of(roles.VIEWER).get(url).content.decode()
        for name in ("ratetable", "ratetableversion"):
            add = client_of(roles.SUPER_ADMIN).get(reverse(f"admin:rates_{name}_add"))
            assert 'id="rate-preview"' in add.content.decode()
