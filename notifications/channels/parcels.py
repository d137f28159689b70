"""What a channel is handed, and how it says that it could not deliver."""

from dataclasses import dataclass
from typing import Protocol


class NotConfigured(Exception):
    """No provider is configured for the channel."""


class Unavailable(Exception):
    """It did not work this time: try again later."""


class Refused(Exception):
    """It will never work: the address or the content is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """
    One message as it leaves.

    `id` is the same at each attempt, so that who receives it can tell a repetition.
    """

    id: str
    address: str
    name: str
    subject: str
    body: str


class Channel(Protocol):
    """
    A way out.

    Raises `NotConfigured`, `Unavailable` (try again) or `Refused` (never again).
    """

    def send(self, parcel: Parcel) -> str:
        """Hand over; the id under which the provider knows it."""
        ...
