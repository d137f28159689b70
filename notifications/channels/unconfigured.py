"""SMS and push while nobody has named a provider: nothing leaves, and nothing claims it did."""

from notifications.channels.parcels import NotConfigured, Parcel


class Unconfigured:
    """A channel without a provider."""

    def send(self, parcel: Parcel) -> str:
        raise NotConfigured("No provider is configured for this channel.")
