"""Who asks, over the API."""

from typing import Any

from web.api.requests import require_known
from web.context import signed_in


def show_me() -> dict[str, Any]:
    """GET /me: your `name` and `role`, and whether that is `via` session, token or proxy (off: nobody signs in)."""
    require_known()
    identity = signed_in()
    return {"name": identity.name, "role": identity.role, "via": identity.via}
