"""The permission table as the documentation shows it, made from `accounts.roles`."""

from collections.abc import Iterator

from accounts import roles

HEADING = """\
# Who may do what

Made by `manage.py permission_table` from `accounts/roles.py`, which decides; a test fails while the
two differ. A role holds within the estates of a person's memberships; super admins need none.
Residents see their own home, of the time in which they lived there (`units/stays.py`); who moved
out keeps the meters, readings and movements of that time, and sees nothing of what came after.

A role of one's own is any set of the permissions marked so. What is not in the table (people,
roles, keys, memberships, taking estates on and giving them up, calendars, the keys of meters, the
switch of credit control) is for super admins alone and can be given to nobody.

An API key is narrowed to scopes (`read`, `write`, an area with one of them such as `wallets:read`,
or one permission) and to estates, and never can do more than its owner can at that moment. People,
roles and keys are never changed with a key, nor who of the residents signs in; the number of an
identity document is shown to one that names `units.reveal_resident`, and to no other.

What an object shows of others (a unit its wallet, meters and occupant, an estate its sums, the
status of a meter its alerts, last reading and open command) is null without the permission to look
at them.
"""
YES, NO = "yes", ""


def rendered() -> str:
    """The whole document."""
    return "\n".join([HEADING, *_table(), ""])


def _table() -> Iterator[str]:
    columns = [*roles.BUILT_IN.items()]
    yield f"| permission | {' | '.join(name for _, (name, _) in columns)} | own role |"
    yield "|---" * (len(columns) + 2) + "|"
    for permission in sorted(roles.GRANTABLE | roles.LIVE):
        held = [
            YES if code == roles.SUPER_ADMIN or permission in names else NO
            for code, (_, names) in columns
        ]
        own = YES if permission in roles.GRANTABLE else NO
        yield f"| `{permission}` | {' | '.join([*held, own])} |"
