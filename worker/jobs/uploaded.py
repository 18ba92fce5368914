"""Requests that name what was uploaded: a submission puts the path of the file in its place."""

from deeplab.errors import DeepLabError
from worker.jobs import uploads
from worker.jobs.requests.resolve import errors_at
from worker.jobs.requests.specs import UPLOAD, RegisterSpec, Spec, TrySpec
from worker.jobs.settings import Settings


def replace_uploads(settings: Settings, spec: Spec) -> Spec:
    """Put the paths of uploaded files in the places of their ids.

    Raises:
        SpecError: if there is no such upload, or more than one file in it.
    """
    match spec:
        case RegisterSpec():
            fields: tuple[str, ...] = ("file", "config")
        case TrySpec():
            fields = ("image",)
        case _:
            return spec
    changes = {}
    for field in fields:
        value: str = getattr(spec, field)
        if value.startswith(UPLOAD):
            with errors_at(field):
                path = uploads.find(settings, value.removeprefix(UPLOAD))
                if path.is_dir():
                    raise DeepLabError("More than one file was uploaded; expected one.")
                changes[field] = str(path)
    return spec.model_copy(update=changes)
