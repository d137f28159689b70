"""
User names: in which spellings they are the same one, and what can be none.

The database looks them up by `lower()` of its own, and failures are counted before it is asked.
Where the two fold a name differently it is nobody's, so that no spelling of a name is a fresh
start for who guesses.
"""

LONGEST = 150


def folded(name: str) -> str:
    """What all spellings of a name have in common."""
    return name.strip().lower()


def can_be_one(name: str) -> bool:
    """Whether anybody might have this name; nothing is looked up or hashed for another."""
    return len(name) <= LONGEST and "\0" not in name


def is_plain(name: str) -> bool:
    """Whether each letter has one small letter, wherever it stands: not so İ, and Σ at the end."""
    small = [letter.lower() for letter in name]
    return all(len(one) == 1 for one in small) and "".join(small) == name.lower()
