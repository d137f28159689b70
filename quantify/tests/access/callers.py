"""Who asks: everybody by whose eyes the matrix looks, and how far they see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import keys, roles
from accounts.models import Role, User
from accounts.tests.factories import RoleFactory, UserFactory
from notifications.models import Device
from quantify.api.permissions import OWN
from quantify.tests.access.table import Of, Own, System
from quantify.tests.client import basic
from quantify.tests.world import World

FORMER = 2
"""The unit of our estate that nobody lives in any more."""
EVERYTHING = roles.READ | roles.MANAGE | roles.BILL | roles.EXCEPTIONAL
LITTLE = frozenset({"units.view_unit", "wallets.view_wallet", "wallets.topup_wallet"})


class Reach(Enum):
    """How far a caller sees."""

    NOWHERE = "nowhere"
    UNIT = "the unit they live in"
    PAST = "the unit they lived in, as it was then"
    ESTATE = "the estates they are members of"
    EVERYWHERE = "everywhere"


class Place(Enum):
    """Where an object stands, seen from a caller."""

    OWN = "own"
    NEIGHBOUR = "of the same estate"
    FOREIGN = "foreign"


KEY = "key"


@dataclass(frozen=True)
class Caller:
    """Somebody who asks: how they say who they are, what they may do and how far they see."""

    name: str
    reach: Reach
    permissions: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)
    user: User | None = None
    home: int = 0
    """Which unit of our estate is theirs, or was."""
    cookie: str = ""
    """Of their session in the portal; who only has a key, or no name, has none."""

    def may(self, permission: str | None) -> bool:
        """Whether an operation that asks for the permission is open; none is open to nobody."""
        if permission is None or self.reach is Reach.NOWHERE:
            return False
        if permission.startswith(OWN):
            # The key here is not for messages.
            return self.name != KEY
        return permission == "" or self.reach is Reach.EVERYWHERE or permission in self.permissions

    def sees(self, row: Of | Own | System, place: Place) -> bool:
        if isinstance(row, Own):
            return place is Place.OWN
        match self.reach:
            case Reach.EVERYWHERE:
                return True
            case Reach.ESTATE:
                return place is not Place.FOREIGN
            case Reach.UNIT:
                return place is Place.OWN
            case Reach.PAST:
                return place is Place.OWN and isinstance(row, Of) and row.past
        return False


def of(ours: World) -> list[Caller]:
    callers = [Caller("anonymous", Reach.NOWHERE)]
    for code, (_, permissions) in roles.BUILT_IN.items():
        if code != roles.RESIDENT:
            reach = Reach.EVERYWHERE if code == roles.SUPER_ADMIN else Reach.ESTATE
            callers.append(_member(code, reach, permissions, code, ours))
    callers.append(_resident("resident", Reach.UNIT, 0, ours))
    callers.append(_resident("former resident", Reach.PAST, FORMER, ours))
    callers.append(_key(ours))
    for name, permissions in (("everything here", EVERYTHING), ("little", LITTLE)):
        role = RoleFactory.create(code=name.replace(" ", "-"), permissions=sorted(permissions))
        callers.append(_member(name, Reach.ESTATE, permissions, role, ours))
    return callers


def _member(
    name: str, reach: Reach, permissions: frozenset[str], role: str | Role, ours: World
) -> Caller:
    user = UserFactory.create(username=name.replace(" ", "-"), role=role)
    if reach is Reach.ESTATE:
        ours.estate.memberships.create(user=user)
    give_device(user)
    headers = {"HTTP_AUTHORIZATION": basic(user.username)}
    return Caller(name, reach, permissions, headers, user, cookie=_session_of(user))


def _resident(name: str, reach: Reach, home: int, ours: World) -> Caller:
    user = User.objects.filter(resident__occupancies__unit=ours.units[home]).distinct().get()
    headers = {"HTTP_AUTHORIZATION": basic(user.username)}
    return Caller(name, reach, roles.LIVE, headers, user, home, _session_of(user))


def _session_of(user: User) -> str:
    client = Client()
    client.force_login(user, backend="accounts.backends.RoleBackend")
    # When it began is noted at the first page, and would be saved with each.
    client.get(reverse("admin:index"))
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _key(ours: World) -> Caller:
    """A key for money of a super admin, bound to our estate."""
    chief = UserFactory.create()
    give_device(chief)
    made = keys.make(
        user=chief, name="Billing", scopes=["wallets:write", "units:read"],
        estates=[ours.estate.pk], expires_at=None, at=timezone.now(),
    )  # fmt: skip
    permissions = frozenset(
        name for name in EVERYTHING if name.startswith(("wallets.", "units.view_"))
    )
    headers = {"HTTP_AUTHORIZATION": f"Bearer {made.text}"}
    return Caller(KEY, Reach.ESTATE, permissions, headers, chief)


def give_device(user: User) -> None:
    Device.objects.create(user=user, platform="fcm", token=f"token of {user.username}")
