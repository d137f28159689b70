"""The embedded default: PostgreSQL and Valkey, supervised together with what needs them."""
