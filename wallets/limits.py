"""The limit below which a wallet counts as low: its own, else that of its estate."""

from django.db.models.functions import Coalesce


def limit_of(wallet: str = "") -> Coalesce:
    """The limit in SQL, for rows that reach the wallet over a path such as `wallet__`."""
    return Coalesce(
        f"{wallet}low_balance_limit", f"{wallet}unit__estate__settings__low_balance_limit"
    )
