"""Numbers, times and sizes as pages show them."""

import math
from datetime import UTC, datetime

import yaml

from deeplab import formats

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
    return f"{plural(int(seconds / _DAY), 'day')} ago"


def expiry(then: float | None, now: float) -> str:
    """When something ends: "in 3 days", "within a day", "expired"; "never" for none."""
    if then is None:
        return "never"
    if then <= now:
        return "expired"
    days = round((then - now) / _DAY)
    return f"in {plural(days, 'day')}" if days else "within a day"


def clock_time(seconds: float) -> str:
    """A time in full: "2026-11-23 06:44:10 UTC"."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def number(value: float) -> str:
    """A number with thin spaces between thousands; a fraction with up to four significant digits."""
    if isinstance(value, int) or value.is_integer():
        return f"{int(value):,}".replace(",", "\u202f")
    return f"{value:.4g}"


def plural(count: int, noun: str) -> str:
    """A count with its noun: "1 image", "1 200 images"."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def percent(fraction: float | None, digits: int = 1) -> str:
    """A fraction as "84.2 %"; a dash for none."""
    return DASH if fraction is None or math.isnan(fraction) else f"{100 * fraction:.{digits}f}\u202f%"


def points(difference: float | None) -> str:
    """A difference of two fractions in percentage points, with its sign unless it shows as nothing: "+1.3", "0.0"."""
    if difference is None:
        return DASH
    shown = as_points(difference)
    return f"{shown:+.1f}".replace("-", "\u2212") if shown else "0.0"


def as_points(fraction: float) -> float:
    """A fraction in percentage points, rounded as it is shown."""
    return round(100 * fraction, 1)


def size(n_bytes: float) -> str:
    """A file size that does not wrap: "178 MB"."""
    return formats.size(n_bytes).replace(" ", "\u202f")


def as_yaml(mapping: object) -> str:
    """A mapping as YAML, in the style of configurations."""
    return yaml.safe_dump(mapping, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)
