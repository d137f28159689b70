"""How dates and times are written in South Africa: `FORMAT_MODULE_PATH` of the settings."""
