"""For tests: keeps what it is handed, and fails as it is told."""

from typing import ClassVar

from notifications.channels.parcels import Parcel


class Recording:
    """Counts on being emptied between tests (`Recording.reset()`)."""

    sent: ClassVar[list[Parcel]] = []
    failures: ClassVar[list[Exception]] = []

    def send(self, parcel: Parcel) -> str:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(parcel)
        return f"recorded-{len(self.sent)}"

    @classmethod
    def reset(cls) -> None:
        cls.sent.clear()
        cls.failures.clear()
