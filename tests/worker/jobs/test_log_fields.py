import json
import logging
import sys
import threading

from worker.jobs.log_fields import FieldsFormatter, name_process, within


def line(message: str = "It is %s.", *arguments: object, error: bool = False) -> dict[str, object]:
    record = logging.LogRecord("worker.x", logging.WARNING, "", 0, message, arguments or ("so",), None)
    if error:
        record.exc_info = sys.exc_info()
    text = FieldsFormatter().format(record)
    assert "\n" not in text
    found: dict[str, object] = json.loads(text)
    return found


def test_a_line_says_what_and_about_whom() -> None:
    name_process(job=7, fence=2, shard=None)
    try:
        with within(request="abc"):
            found = line()
        assert found.pop("at")
        assert found == {
            "level": "WARNING",
            "logger": "worker.x",
            "message": "It is so.",
            "job": 7,
            "fence": 2,
            "request": "abc",
        }
        assert "request" not in line()
    finally:
        name_process(job=None, fence=None)
    assert "job" not in line()


def test_a_message_cannot_pass_for_another_line_and_a_traceback_is_part_of_its_own() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        found = line("%s", "forged\n{}", error=True)
    assert found["message"] == "forged\n{}"
    assert "ValueError: first" in str(found["traceback"])


def test_requests_in_other_threads_are_not_mixed_up() -> None:
    seen: list[object] = []
    with within(request="one"):
        thread = threading.Thread(target=lambda: seen.append(line().get("request")))
        thread.start()
        thread.join()
        assert (line()["request"], seen) == ("one", [None])
