"""A real server that speaks S3, in a thread of the tests; processes that they start reach it by its address."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import fsspec
import pytest
from moto.server import ThreadedMotoServer


@dataclass
class S3:
    """The server: `bucket` exists; it can be away for a while, and keeps what it holds."""

    port: int
    server: ThreadedMotoServer = field(repr=False)
    bucket: str = "tests"

    @property
    def url(self) -> str:
        """The URL of the bucket."""
        return f"s3://{self.bucket}"

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a process that uses it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "key-of-tests",
            "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def names(self, prefix: str = "") -> list[str]:
        """The names of all that the bucket holds under a prefix."""
        found = self._client().list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", ())]

    def put(self, name: str, content: bytes) -> None:
        """Put a file into the bucket."""
        self._client().put_object(Bucket=self.bucket, Key=name, Body=content)

    def get(self, name: str) -> bytes:
        """Read a file of the bucket."""
        content: bytes = self._client().get_object(Bucket=self.bucket, Key=name)["Body"].read()
        return content

    def go_away(self) -> None:
        """Answer nobody any more."""
        self.server.stop()

    def come_back(self) -> None:
        """Answer again at the same address."""
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self.server.start()

    def _client(self) -> Any:  # boto3 has no types
        return boto3.client("s3", endpoint_url=self.variables["AWS_ENDPOINT_URL"], region_name="us-east-1")


@contextmanager
def serve_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """Serve S3 to this process and those that it starts."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    s3 = S3(port, server)
    try:
        for name, value in s3.variables.items():
            monkeypatch.setenv(name, value)
        s3._client().create_bucket(Bucket=s3.bucket)
        yield s3
    finally:
        s3.server.stop()
        fsspec.filesystem("s3").clear_instance_cache()
