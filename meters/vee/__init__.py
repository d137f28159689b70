"""Validation, estimation and editing of what meters report (docs/vee.md)."""
