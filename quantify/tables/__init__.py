"""A table described once, given out as JSON rows, CSV and XLSX."""
