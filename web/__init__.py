"""The dashboard and the JSON API: `create_app()` is what a web server imports. Never imports torch."""

from web.app import create_app

__all__ = ["create_app"]
