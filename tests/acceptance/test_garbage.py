"""What somebody with the broker's password may put on the queue beside messages of Celery."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.platform import Platform
from worker.jobs.broker.celery_app import celery_app

pytestmark = pytest.mark.acceptance

GARBAGE = (
    b"",
    b"\xff\xfe",
    b"not JSON",
    b"[1, 2]",
    b"null",
    b"{}",
    b'{"properties": 1}',
    b'{"body": "not base64!", "properties": {"delivery_tag": "a", "body_encoding": "base64"}}',
    b'{"body": "YQ==", "properties": {"delivery_tag": "b", "body_encoding": "rot13"}}',
    json.dumps({"body": "e30=", "properties": {"delivery_tag": "c", "body_encoding": "base64"}}).encode(),
    b"[" * 10_000,
)


def test_a_worker_outlives_garbage_on_its_queue(platform: Platform, weights: Path, sample: Path) -> None:
    worker = platform.start_worker()
    platform.wait_for_workers(1)
    with celery_app(platform.settings).connection_for_write() as connection:
        channel: Any = connection.default_channel
        for content in GARBAGE:
            channel.client.lpush("gpu", content)
    request = {"checkpoint": str(weights), "config": str(sample / "config.yaml"), "input": str(sample / "images")}
    assert platform.succeed("segment", **request).state == "succeeded"
    assert worker.poll() is None
