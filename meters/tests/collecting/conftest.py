from meters.tests.collecting.kit import concentrator, served

__all__ = ["concentrator", "served"]
