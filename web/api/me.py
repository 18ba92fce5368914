"""Who asks, over the API."""

from dataclasses import dataclass
from typing import Literal

from web.context import signed_in


@dataclass(frozen=True)
class Me:
    """Who asks."""

    name: str
    role: str
    via: Literal["session", "token", "proxy", "off"]  # off: nobody is asked to sign in


def show_me() -> Me:
    """Show who asks, and what they may do."""
    identity = signed_in()
    return Me(identity.name, identity.role, identity.via)
