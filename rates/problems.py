"""What is wrong with something a person wrote, where, and what to do about it."""

from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One finding: where (`[2].blocks[0].price`), a stable code, a sentence that helps."""

    path: str
    code: str
    message: str


class Invalid(ValueError):
    """What was written cannot be used; every problem found is listed at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(f"{p.path}: {p.message}" for p in self.problems))
