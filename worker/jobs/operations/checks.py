"""Ask several parts of a platform at the same time, and wait for none of them longer than a few seconds."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlowError
from dataclasses import dataclass

from deeplab.errors import DeepLabError

_LONGEST_SECONDS = 6.0  # that anybody waits for a part; database and broker give up by themselves before

_Asked = tuple[float, "Future[float]"]  # when, and when it answered


@dataclass(frozen=True)
class Check:
    """What one part of the platform answered."""

    name: str
    seconds: float  # until it answered, or until nobody waited any more
    problem: str | None  # a sentence; None: it works

    @property
    def ok(self) -> bool:
        """Whether it works."""
        return self.problem is None


class Checks:
    """Questions to parts, by their names, which can be asked again and again.

    A part that hangs, such as a network file system, is asked by one thread and not by more and more of them.
    """

    def __init__(self, questions: Mapping[str, Callable[[], object]]) -> None:
        self._questions = dict(questions)  # each raises DeepLabError if something is wrong
        self._asked: dict[str, _Asked] = {}
        self._lock = threading.Lock()

    def ask(self) -> list[Check]:
        """Ask all parts at the same time; each has the same deadline."""
        with self._lock:
            for name, question in self._questions.items():
                if name not in self._asked or self._asked[name][1].done():
                    self._asked[name] = _start(question)
            asked = dict(self._asked)
        return [_result(name, *each) for name, each in asked.items()]


def _start(question: Callable[[], object]) -> _Asked:
    """Begin to ask in a thread for which nobody has to wait."""
    started_at, answer = time.monotonic(), Future[float]()

    def run() -> None:
        try:
            question()
        except Exception as error:
            answer.set_exception(error)
        else:
            answer.set_result(time.monotonic())

    threading.Thread(target=run, daemon=True, name="check").start()
    return started_at, answer


def _result(name: str, started_at: float, answer: "Future[float]") -> Check:
    """Wait for an answer, for as long as it may take."""
    try:
        answered_at = answer.result(timeout=max(0.0, started_at + _LONGEST_SECONDS - time.monotonic()))
    except TooSlowError:
        return Check(name, time.monotonic() - started_at, f"no answer within {_LONGEST_SECONDS:g} seconds.")
    except DeepLabError as error:
        return Check(name, time.monotonic() - started_at, str(error))
    return Check(name, answered_at - started_at, None)
