"""Made-up residents and the five people who sign in."""

import random
from dataclasses import dataclass

from accounts import roles

FIRST_NAMES = (
    "Thandi", "Sipho", "Lerato", "Johan", "Nomvula", "Pieter", "Ayesha", "Kagiso", "Zanele",
    "Riaan", "Priya", "Bongani", "Anele", "Chantelle", "Mpho", "Fatima", "Willem", "Naledi",
    "Themba", "Karabo", "Elsabe", "Yusuf", "Palesa", "Dumisani", "Michelle", "Tshepo", "Ravi",
    "Busisiwe", "Francois", "Lindiwe",
)  # fmt: skip
LAST_NAMES = (
    "Dlamini", "Nkosi", "Botha", "Naidoo", "Mokoena", "van der Merwe", "Khumalo", "Pillay",
    "Molefe", "Pretorius", "Zulu", "Adams", "Mahlangu", "Govender", "Steyn", "Sithole",
    "Jacobs", "Ndlovu", "Coetzee", "Maseko", "Patel", "Mthembu", "Fourie", "Radebe", "Essop",
)  # fmt: skip
PASSWORD = "quantify-demo"  # noqa: S105  (the demonstration's, printed when it starts)
SIGN_INS = (
    ("admin", "Demo Admin", roles.SUPER_ADMIN),
    ("manager", "Demo Manager", roles.PROPERTY_MANAGER),
    ("billing", "Demo Billing", roles.BILLING_ADMIN),
    ("viewer", "Demo Viewer", roles.VIEWER),
)
RESIDENT = "resident"
"""The login of the one resident who has any; it opens the API, and the home of the story."""


@dataclass(frozen=True)
class Person:
    first_name: str
    last_name: str
    email: str
    phone: str


def person(seed: str) -> Person:
    """The same person for the same seed; the address and number reach nobody."""
    chance = random.Random(seed)  # noqa: S311  (names, not secrets)
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    mailbox = f"{first}.{last}".lower().replace(" ", "")
    return Person(
        first_name=first,
        last_name=last,
        email=f"{mailbox}.{chance.randrange(100)}@example.com",
        phone=f"+2700{chance.randrange(10**7):07}",
    )
