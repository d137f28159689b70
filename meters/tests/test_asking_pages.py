"""Asking a meter for a stretch of time again, in the portal."""

from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from accounts import roles
from meters.tests.factories import MeterFactory
from meters.tests.test_reading_pages import browser_of

pytestmark = pytest.mark.django_db

STRETCH = {"start_0": "2025-07-01", "start_1": "00:00", "end_0": "2025-07-02", "end_1": "00:00"}


@pytest.fixture
def meter():
    return MeterFactory.create(behind_concentrator=True, serial="E1")


def url(meter):
    return reverse("admin:meters_meter_ask_again", args=[meter.pk])


def post(browser, meter, **changes):
    with patch("meters.admin.asking.collect.delay") as delay:
        return browser.post(url(meter), STRETCH | changes), delay


def test_hands_the_stretch_on_in_the_estates_time(meter):
    browser = browser_of(meter)
    assert "Ask E1 again" in browser.get(url(meter)).content.decode()

    answer, delay = post(browser, meter)

    assert answer.status_code == 302
    delay.assert_called_once_with(
        concentrator_id=str(meter.concentrator_id), serial="E1",
        start="2025-07-01T00:00:00+02:00", end="2025-07-02T00:00:00+02:00",
    )  # fmt: skip
    assert LogEntry.objects.filter(object_id=meter.pk).count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"end_0": "2025-07-01"}, "that has passed"),
        ({"end_0": "2125-07-01"}, "that has passed"),
        ({"end_0": "2025-09-01"}, "31 days at most"),
        ({"end_0": ""}, "required"),
    ],
)
def test_refuses_what_makes_no_sense(meter, changes, words):
    answer, delay = post(browser_of(meter), meter, **changes)

    assert words in str(answer.context["form"].errors["end"])
    delay.assert_not_called()


def test_is_closed_to_viewers_and_hidden_from_others(meter):
    assert post(browser_of(meter, roles.VIEWER), meter)[0].status_code == 403
    assert post(browser_of(MeterFactory.create()), meter)[0].status_code == 404


def test_is_not_offered_where_no_concentrator_reaches_the_meter():
    meter = MeterFactory.create()

    assert post(browser_of(meter), meter)[0].status_code == 403
