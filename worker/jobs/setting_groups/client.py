"""The settings of commands that ask a platform elsewhere."""

from pydantic import Field
from pydantic_settings import BaseSettings


class ClientSettings(BaseSettings):
    """Which platform commands ask."""

    url: str = Field(
        default="",
        pattern=r"^(https?://.+)?$",
        description="URL of a dashboard: `deeplab job` asks the platform there over its API, and not the store in the"
        " home.",
    )
    token: str = Field(default="", repr=False, description="Token that `deeplab job` signs in with at DEEPLAB_URL.")
