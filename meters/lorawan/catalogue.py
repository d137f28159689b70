"""
The models that can be read. A further one is a module with `read`, and a line here.

`read(payload, port)` returns an Observation or raises UnreadableFrame; `switch(close=...)` gives
the bytes of an order, where the model has a relay.
"""

from collections.abc import Callable
from dataclasses import dataclass

from meters.lorawan import em300_di, qalcosonic_w1, uc300
from meters.lorawan.errors import NotSwitchable, UnreadableFrame
from meters.lorawan.observation import Observation


@dataclass(frozen=True, slots=True)
class Model:
    """A device that can be read: its frames' port, and whether it counts pulses."""

    code: str
    name: str
    port: int
    read: Callable[[bytes, int], Observation]
    counts_pulses: bool
    switch: Callable[..., bytes] | None = None

    def observe(self, payload: bytes, port: int) -> Observation:
        """
        What a frame says.

        :raises UnreadableFrame: if it came on another port or is not one of this model.
        """
        if port != self.port:
            raise UnreadableFrame(f"{self.name} speaks on port {self.port}, not {port}.")
        return self.read(payload, port)

    def order(self, *, close: bool) -> bytes:
        """
        The bytes that close the relay's contact (supply on) or open it (off).

        :raises NotSwitchable: if the model has no relay.
        """
        if self.switch is None:
            raise NotSwitchable(f"{self.name} has no relay.")
        return self.switch(close=close)


MODELS = {
    model.code: model
    for model in (
        Model("em300_di", "Milesight EM300-DI", em300_di.PORT, em300_di.read, counts_pulses=True),
        Model(
            "qalcosonic_w1",
            "Axioma Qalcosonic W1",
            qalcosonic_w1.PORT,
            qalcosonic_w1.read,
            counts_pulses=False,
        ),
        Model(
            "uc300",
            "Milesight UC300",
            uc300.PORT,
            uc300.read,
            counts_pulses=True,
            switch=uc300.switch,
        ),
    )
}
CHOICES = [(model.code, model.name) for model in MODELS.values()]


def guess(profile: str) -> str:
    """The model that a device profile's name speaks of; empty if none does."""
    words = "".join(letter for letter in profile.lower() if letter.isalnum())
    return next((code for code in MODELS if code.replace("_", "") in words), "")
