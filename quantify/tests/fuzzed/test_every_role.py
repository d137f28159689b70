"""Whatever the document allows or forbids, and whoever asks, is answered as the document says."""

import pytest
from schemathesis.generation.modes import GenerationMode

from quantify.tests.fuzzed import asking

LABELS = asking.labels()
VALID, INVALID = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
FEW, MANY = {VALID: 2, INVALID: 1}, {VALID: 60, INVALID: 60}
OTHERS = 2
"""So many besides the super admin send a request of the long forms, all that of the short one."""
EVERYBODY = (
    "anonymous", "super_admin", "property_manager", "billing_admin", "viewer", "resident",
    "everything here", "key",
)  # fmt: skip

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def callers(ground):
    """Nobody, the built-in roles, a role of one's own, and a key."""
    return [ground.caller(name) for name in EVERYBODY]


@pytest.mark.parametrize("label", LABELS)
def test_every_operation(ground, callers, label):
    asking.ask(label, ground, lambda _: callers, FEW)


@pytest.mark.soak
@pytest.mark.parametrize("label", LABELS)
def test_every_operation_for_longer(ground, callers, label):
    asking.ask(label, ground, asking.in_turn(callers, OTHERS), MANY)


@pytest.mark.soak
@pytest.mark.parametrize("label", LABELS)
def test_every_bound_of_every_operation(ground, callers, label):
    asking.cover(label, ground, asking.in_turn(callers, OTHERS))
