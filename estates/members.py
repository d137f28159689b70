"""Where people work: the estates they are members of."""

from collections.abc import Iterable

from django.db import transaction

from accounts.models import User
from estates.models import Estate, Membership


@transaction.atomic
def assign(*, user: User, estates: Iterable[Estate]) -> None:
    """Let a person work for these estates and for no others."""
    User.objects.select_for_update(of=("self",), no_key=True).get(pk=user.pk)
    wanted = {estate.pk: estate for estate in estates}
    Membership.objects.filter(user=user).exclude(estate__in=wanted).delete()
    known = set(Membership.objects.filter(user=user).values_list("estate_id", flat=True))
    for pk, estate in wanted.items():
        if pk not in known:
            Membership.objects.create(user=user, estate=estate)
