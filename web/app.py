"""Builds the web application."""

import logging
from datetime import timedelta

from flask import Flask, request
from flask.json.provider import DefaultJSONProvider
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect  # type: ignore[import-untyped]  # it has neither types nor stubs

from deeplab.errors import OutputError
from deeplab.files import make_folder
from web import api, pages, probes
from web.access.bounds import register_bounds
from web.access.delivery import register_delivery
from web.access.guard import register_guard
from web.access.proxy import is_https
from web.access.request_id import register_request_id
from web.access.uploads import register_uploads
from web.context import LARGEST_REQUEST, SETTINGS
from web.errors import register_errors
from web.text.templating import register_templating
from worker.jobs import storage
from worker.jobs.accounts import sessions
from worker.jobs.secret import read_secret
from worker.jobs.settings import Settings, load_settings

_log = logging.getLogger(__name__)


class _ReadableJson(DefaultJSONProvider):
    """Keeps the order of fields, such as those of a job."""

    sort_keys = False


class _OwnCookie(SecureCookieSessionInterface):
    """Keeps the cookie below the path that a proxy serves the dashboard at, where the host may serve others, too.

    Over HTTPS it never travels unencrypted, and no other host can set it.
    """

    def get_cookie_path(self, app: Flask) -> str:
        return request.script_root or "/"

    def get_cookie_secure(self, app: Flask) -> bool:
        return is_https()

    def get_cookie_name(self, app: Flask) -> str:
        # The prefix demands the path "/".
        prefix = "__Host-" if is_https() and not request.script_root else ""
        return prefix + super().get_cookie_name(app)


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application.

    Args:
        settings: of the platform; None: from the environment.

    Raises:
        SettingsError: if an environment variable cannot be used.
        OutputError: if the home folder cannot be written.
    """
    settings = (settings or load_settings()).for_pages()
    storage.mount(settings)
    app = Flask("web")
    app.json = _ReadableJson(app)
    app.session_interface = _OwnCookie()
    app.extensions[SETTINGS] = settings
    app.config.update(
        SECRET_KEY=_secret_key(settings),
        SESSION_COOKIE_NAME="deeplab_session",  # cookies are shared by all ports of a host
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=sessions.LIFE_SECONDS),
        SESSION_REFRESH_EACH_REQUEST=False,  # a late answer must not bring back the cookie of before
        WTF_CSRF_TIME_LIMIT=None,  # a form may stay open for a day
        MAX_CONTENT_LENGTH=LARGEST_REQUEST,
        JOBS_PER_PAGE=25,
        CHECKPOINTS_PER_PAGE=50,
        IMAGES_PER_PAGE=24,
    )
    csrf = CSRFProtect()
    register_request_id(app)  # first, for what the others log
    register_bounds(app)  # before the guard, which asks the database who is there
    register_guard(app)  # before CSRFProtect, so that a foreign host learns nothing from it
    register_uploads(app)  # behind the guard, and before CSRFProtect, which reads forms
    csrf.init_app(app)
    register_delivery(app)
    register_templating(app)
    register_errors(app)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(probes.blueprint)
    app.register_blueprint(api.blueprint, url_prefix="/api/v1")
    csrf.exempt(api.blueprint)  # it takes JSON only, which a foreign page cannot send; see web.access.guard
    if settings.auth == "off":
        _log.warning("DEEPLAB_AUTH is off: whoever reaches the dashboard can do everything.")
    return app


def _secret_key(settings: Settings) -> str:
    """The key that signs cookies: that of DEEPLAB_SECRET_KEY_FILE, or one for all processes of a home.

    Raises:
        OutputError: if it cannot be read or written.
    """
    make_folder(settings.home)
    if settings.secret_key:
        return settings.secret_key
    path = storage.secret_key_path(settings)
    try:
        return read_secret(path)
    except OSError as error:
        raise OutputError(f"{path}: the dashboard's key cannot be used: {error.strerror}.") from error
