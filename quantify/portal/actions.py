"""The buttons of an object's page."""

from collections.abc import Callable
from typing import Any, cast

from unfold.decorators import action as unfold_action
from unfold.enums import ActionVariant

type View = Callable[..., Any]


def action(
    description: str,
    *,
    permission: str,
    icon: str,
    variant: ActionVariant = ActionVariant.DEFAULT,
    in_menu: bool = True,
) -> Callable[[View], View]:
    """
    Make a method a button: it is shown and answered if `has_<permission>_permission` says so.

    On the rows of a list it stands in a menu, or else as a button. Never a dotted permission:
    django-unfold looks these up in the database while the project starts, before there are tables.
    """
    made = unfold_action(
        description=description,
        permissions=[permission],
        icon=icon,
        variant=variant,
        extra_options={"display_in_dropdown": in_menu},
    )
    return cast("Callable[[View], View]", made)
