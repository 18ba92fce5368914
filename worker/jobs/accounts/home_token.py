"""The token of a home: what programs of whoever can read the home sign in with, as the built-in account."""

from sqlalchemy.orm import Session

from deeplab.errors import OutputError
from deeplab.files import make_folder
from worker.jobs import storage
from worker.jobs.accounts import tokens, users
from worker.jobs.accounts.roles import ADMIN, LOCAL
from worker.jobs.secret import write_secret
from worker.jobs.settings import Settings


def ensure_home_token(session: Session, settings: Settings) -> None:
    """Write HOME/token, unless there is one that counts. One that was revoked is replaced by another.

    Raises:
        OutputError: if it cannot be read or written.
    """
    path = storage.token_path(settings)
    make_folder(path.parent)
    try:
        known = path.read_text("ascii").strip() if path.exists() else ""
        bearer = tokens.find_bearer(session, known)
        if bearer is None or bearer.user.name != LOCAL:
            write_secret(path, tokens.create(session, users.ensure_local(session), "HOME/token", ADMIN, None))
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{path}: the token cannot be used: {error}.") from error
