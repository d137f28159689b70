"""What can be wrong with what a device or its network server sent."""


class UnreadableFrame(ValueError):
    """The bytes are not what a device of this model sends; nothing of them is used."""


class UnreadableEvent(ValueError):
    """The event is not what ChirpStack posts."""


class NotSwitchable(ValueError):
    """A device of this model has nothing that can be switched."""
