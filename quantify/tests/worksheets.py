"""What a downloaded file says."""

import zipfile
from io import BytesIO
from typing import Any
from xml.etree import ElementTree as ET

SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def told(answer: Any) -> bytes:
    """The whole of an answer that is sent in pieces."""
    return b"".join(answer.streaming_content)


def worksheet(content: bytes) -> list[list[str | float]]:
    """
    The cells of the first sheet, as XML has them: text, or the number that is stored.

    Fails at a formula.
    """
    with zipfile.ZipFile(BytesIO(content)) as book:
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314
    assert sheet.find(f".//{SPACE}f") is None, "A cell is a formula."
    return [[_value(cell) for cell in row.iter(f"{SPACE}c")] for row in sheet.iter(f"{SPACE}row")]


def _value(cell: Any) -> str | float:
    if cell.get("t") == "inlineStr":
        return "".join(text.text or "" for text in cell.iter(f"{SPACE}t"))
    return float(cell.find(f"{SPACE}v").text)
