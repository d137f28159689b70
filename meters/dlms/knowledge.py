"""What a line has learned about its meters and need not ask again."""

from dataclasses import dataclass, field

from meters.dlms.addressing import Route
from meters.dlms.profile import ProfileLayout
from meters.dlms.values import ScalerUnit


@dataclass(slots=True)
class Knowledge:
    """
    Facts about the meters on one connection; it lives and dies with it.

    ``invoke_ids`` continue across associations, so that an answer to an earlier one is told
    from the answer to this one.
    """

    scalers: dict[tuple[Route, str], ScalerUnit] = field(default_factory=dict)
    layouts: dict[tuple[Route, str], ProfileLayout] = field(default_factory=dict)
    without_lists: set[Route] = field(default_factory=set)
    invoke_ids: dict[Route, int] = field(default_factory=dict)

    def next_invoke_id(self, route: Route) -> int:
        """The next of the sixteen invoke ids."""
        number = (self.invoke_ids.get(route, 0) + 1) & 0x0F
        self.invoke_ids[route] = number
        return number
