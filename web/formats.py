"""How numbers, times and sizes read on a page."""

import math
from datetime import UTC, datetime

import yaml

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
DASH = "\u2013"  # where there is no value


def ago(then: float, now: float) -> str:
    """How long ago something was: "just now", "3 min ago", "2 h ago", "5 days ago"."""
    seconds = max(0.0, now - then)
    if seconds < 10:
        return "just now"
    if seconds < _MINUTE:
        return f"{int(seconds)} s ago"
    if seconds < _HOUR:
        return f"{int(seconds / _MINUTE)} min ago"
    if seconds < _DAY:
        return f"{int(seconds / _HOUR)} h ago"
    n_days = int(seconds / _DAY)
    return f"{n_days} day{'s' if n_days > 1 else ''} ago"


def clock_time(seconds: float) -> str:
    """A time in full: "2026-11-23 06:44:10 UTC"."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """A length of time in its two largest units: "0.4 s", "42 s", "3 min 20 s", "5 h 12 min", "2 d 3 h"."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    for unit, name, smaller, smaller_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", 1, "s"),
    ):
        if whole >= unit:
            return f"{whole // unit} {name} {whole % unit // smaller} {smaller_name}"
    return f"{whole} s"


def number(value: float) -> str:
    """A number with thin spaces between thousands; a fraction with up to four significant digits."""
    if isinstance(value, int) or value.is_integer():
        return f"{int(value):,}".replace(",", "\u202f")
    return f"{value:.4g}"


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction as "84.2 %"; a dash for none."""
    return DASH if fraction is None or math.isnan(fraction) else f"{100 * fraction:.{digits}f}\u202f%"


def points(difference: float | None) -> str:
    """A difference of two fractions in percentage points, with its sign: "+1.3"."""
    if difference is None:
        return DASH
    return f"{100 * difference:+.1f}".replace("-", "\u2212")


def size(n_bytes: float) -> str:
    """A file size: "178 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g}\u202f{unit}" if unit != "B" else f"{int(n_bytes)}\u202fB"
        n_bytes /= 1000
    return f"{n_bytes:.3g}\u202fTB"


def as_yaml(mapping: object) -> str:
    """A mapping as people write configurations."""
    return yaml.safe_dump(mapping, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)
