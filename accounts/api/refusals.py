"""The problems of people, roles and keys."""

from http import HTTPStatus

from accounts import keys, own_roles, people
from quantify.api import problems
from quantify.api.problems import Kind

LAST_SUPER_ADMIN = problems.define(
    "last_super_admin", HTTPStatus.BAD_REQUEST, "The last super admin",
    "Nobody else could let people in: make another super admin first.",
)  # fmt: skip
ONESELF = problems.define(
    "oneself", HTTPStatus.BAD_REQUEST, "Not to oneself",
    "Nobody deletes or switches off themselves, or changes their own role.",
)  # fmt: skip
BUILT_IN = problems.define(
    "built_in_role", HTTPStatus.BAD_REQUEST, "A built-in role",
    "What a built-in role may do stands in the permission table; define a role of your own.",
)  # fmt: skip
ROLE_IN_USE = problems.define(
    "role_in_use", HTTPStatus.BAD_REQUEST, "The role is in use",
    "People have this role: give them another one first.",
)  # fmt: skip
ROTATED = problems.define(
    "rotated", HTTPStatus.CONFLICT, "Rotated before",
    "Another key took the place of this one: rotate that.",
)  # fmt: skip
KEY_OVER = problems.define(
    "key_over", HTTPStatus.BAD_REQUEST, "The key is over",
    "An API key that expired hands nothing on: make a new one.",
)  # fmt: skip

OF_PEOPLE: dict[type[Exception], Kind] = {
    people.LastSuperAdmin: LAST_SUPER_ADMIN,
    people.OneselfRefused: ONESELF,
}
OF_ROLES: dict[type[Exception], Kind] = {
    own_roles.BuiltIn: BUILT_IN,
    own_roles.RoleInUse: ROLE_IN_USE,
}
OF_KEYS: dict[type[Exception], Kind] = {keys.Rotated: ROTATED, keys.Expired: KEY_OVER}
