"""Random requests for every address of an application, plausible ones and such as break parsers and paths."""

import inspect
import json
import random
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from flask import Flask
from werkzeug.routing import Rule

from worker.jobs.requests.specs import SPECS

NUMBERS = (
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "1.5",
    "1e9",
    "2147483647",
    "2147483648",
    "9" * 30,
    "9" * 5000,
    "NaN",
    "\u0663",
)
WORDS = (
    *(
        "",
        " ",
        "train",
        "segment",
        "queued",
        "failed",
        "shapes",
        "id,state,config",
        "errors",
        "newest",
        "cancel",
        "retry",
    ),
    *("a\0b", "\0", "a\nb", "a\r\nX: y", "\x1b[31m", "\u202eabc", "%s%n", "'; DROP TABLE job;--", "<script>", "=1+1"),
    *(
        "x" * 300,
        "x/" * 3000,
        "../../etc/passwd",
        "..",
        ".",
        "/",
        "//",
        "~/x",
        "$HOME",
        "${HOME}/x",
        "file:///etc/passwd",
    ),
    *("/dev/zero", "/proc/self/environ", "/etc/passwd", "C:\\x", "\u00e9\u4e2d\U0001f600"),
)
OVERRIDES = (
    *(
        "SOLVER.LR=1e-3",
        "SOLVER.LR=2001-99-99",
        f"SOLVER.LR={'1' * 5000}",
        f"SOLVER.LR={'[' * 2000}",
        "SOLVER.LR=!!int ''",
    ),
    *(
        "SOLVER.ITER_MAX=2147483648",
        "SOLVER.ITER_MAX=0x" + "f" * 3000,
        "MODEL.WIDTH=4000000",
        "DATASET.ROOT=/etc",
        "A.B=1",
    ),
    *(
        f"{'A.' * 900}B=1",
        "SOLVER=1",
        "SOLVER.LR=[&a 1, *a]",
        'EXP.ID="\\ud800"',
        'EXP.ID="a\\0b"',
        "=",
        "x",
        ".=.",
        "IMAGE=~",
    ),
    *("CRF.ITER_MAX=.inf", "DATASET.SPLIT.TRAIN=../x", "DATASET.LABELS=/etc/passwd", "MODEL.INIT_MODEL=/dev/zero"),
)
GRIDS = (
    "BI_W=2,4,8",
    "BI_W=" + "1," * 1000,
    "BI_W=[",
    "ITER_MAX=2001-99-99",
    "BI_W=1e400",
    "X=1",
    "BI_W",
    "POS_W=!!bool x",
)


@dataclass(frozen=True)
class FuzzedRequest:
    """A request, ready for a test client."""

    method: str
    address: str
    data: bytes
    content_type: str | None

    def __str__(self) -> str:
        body = self.data if len(self.data) < 500 else self.data[:500] + b"..."
        return f"{self.method} {self.address[:500]} {self.content_type} {body!r}"


class Fuzzer:
    """Draws requests from a seed."""

    def __init__(self, app: Flask, seed: int, paths: Sequence[str]) -> None:
        """Prepare for an application; `paths` are some that its requests may name, and its image keys."""
        self._random = random.Random(seed)
        self._paths = paths
        rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]
        self._targets = [
            (rule, method) for rule in rules for method in sorted(rule.methods or ()) if method != "OPTIONS"
        ]
        self._names = {rule.endpoint: _names_in(app, rule) for rule in rules}

    def draw(self) -> FuzzedRequest:
        """The next request."""
        rule, method = self._random.choice(self._targets)
        address = self._address(rule)
        names = self._names[rule.endpoint]
        if self._random.random() < 0.6:
            pairs = [(self._random.choice(names), self._text()) for _ in range(self._random.randint(1, 3))]
            address += f"?{urlencode(pairs)}"
        if method in ("GET", "HEAD"):
            return FuzzedRequest(method, address, b"", None)
        if rule.rule.startswith("/api/"):
            return FuzzedRequest(method, address, self._json(rule, names), "application/json")
        fields = self._fields(rule, names)
        return FuzzedRequest(method, address, urlencode(fields).encode(), "application/x-www-form-urlencoded")

    def _address(self, rule: Rule) -> str:
        def value_of(match: re.Match[str]) -> str:
            if match[0].startswith("<int"):
                return self._random.choice(("1", "2", "3", "4", "5", "6", "9", "999", "2147483647", "99999999999"))
            if match[0].startswith("<any"):
                return self._random.choice(list(SPECS))
            return quote(self._random.choice((*self._paths, self._text(), "shapes"))[:2000], safe="")

        return re.sub("<[^>]*>", value_of, rule.rule)

    def _text(self) -> str:
        pool: Sequence[str] = self._random.choice((NUMBERS, WORDS, self._paths))
        return self._random.choice(pool)

    def _fields(self, rule: Rule, names: Sequence[str]) -> list[tuple[str, str]]:
        """A form: the fields of a kind, or words of the view."""
        spec = SPECS[self._random.choice(list(SPECS))]
        known = [*spec.model_fields, "name", "notes", "clone", "checkpoint_path"] if "new" in rule.rule else names
        fields = [(self._random.choice(known), self._text()) for _ in range(self._random.randint(0, 8))]
        if self._random.random() < 0.5:
            fields += [("overrides", self._random.choice(OVERRIDES)), ("grid", self._random.choice(GRIDS))]
        return fields

    def _json(self, rule: Rule, names: Sequence[str]) -> bytes:
        if self._random.random() < 0.1:
            broken = (
                b"",
                b"{",
                b"[]",
                b"null",
                b'{"a": ' * 990,
                b"[" * 100_000,
                b"\xff",
                b'{"\\ud800": 1}',
                b"1" * 5000,
            )
            return self._random.choice(broken)
        kind = self._random.choice(list(SPECS))
        request = {name: self._value() for name in SPECS[kind].model_fields if self._random.random() < 0.6}
        if rule.rule.endswith("/jobs"):
            request["kind"] = kind
        request |= {name: self._value() for name in self._random.sample(names, min(2, len(names)))}
        if "root" in names or self._random.random() < 0.3:
            request |= {"name": self._text(), "root": self._text(), "labels": self._text()}
        if self._random.random() < 0.3:
            request["overrides"] = [self._random.choice(OVERRIDES) for _ in range(2)]
            request["grid"] = [self._random.choice(GRIDS)]
        return json.dumps(request).encode()

    def _value(self) -> Any:
        if self._random.random() < 0.6:
            return self._text()
        odd: tuple[Any, ...] = (
            None,
            True,
            0,
            -1,
            1,
            3,
            2**31,
            2**63,
            10**400,
            1.5,
            1e308,
            [],
            {},
            [1],
            [[[]]],
            ["x"] * 5000,
            {"a": 1},
            "\ud800",
        )
        return self._random.choice(odd)


def _names_in(app: Flask, rule: Rule) -> list[str]:
    """The words in the module of a view, among which are the names of its parameters."""
    module = sys.modules[app.view_functions[rule.endpoint].__module__]
    words = re.findall(r'"([a-z_]{1,20})"', inspect.getsource(module))
    return sorted({*words, "before", "after", "limit", "x"})
