"""
What kind of browser somebody uses, in the words that people know: no version, no device.

It helps a person to tell their own sessions apart. Programs call themselves what they like, so
that nothing is decided by it.
"""

UNKNOWN = "Another program"
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
"""By what stands in their name; the first that does, since most also name those they are like."""

SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


def kind_of(user_agent: str) -> str:
    """Such as `Firefox on Windows`."""
    browser = _first(BROWSERS, user_agent)
    system = _first(SYSTEMS, user_agent)
    return " on ".join(filter(None, (browser or UNKNOWN, system)))


def _first(known: dict[str, str], user_agent: str) -> str:
    return next((name for part, name in known.items() if part in user_agent), "")
