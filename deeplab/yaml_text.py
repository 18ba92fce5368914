"""Read YAML as configurations hold it: keys once, numbers as they are meant, in bounded time. Torch-free."""

import re
from collections.abc import Hashable
from typing import Any

import yaml

from deeplab.errors import ConfigError

LARGEST = 2**18  # characters of a text; a configuration has some thousand
_MOST_NODES = 10_000  # values, lists and sections, those that an alias repeats counted anew
_DEEPEST = 20  # levels
_LONGEST_NUMBER = 100  # characters


def parse_yaml(text: str, source: str, *, largest: int = LARGEST, allows_aliases: bool = True) -> Any:
    """Read a text in YAML, in bounded time and memory.

    Args:
        text: the YAML.
        source: what error sentences begin with.
        largest: how many characters there may be.
        allows_aliases: whether `*name` may repeat what `&name` marks, and `<<` may take over keys.

    Raises:
        ConfigError: naming the line, if it is not valid or too large; its `discreet` repeats nothing of the text.
    """
    if len(text) > largest:
        raise ConfigError(f"{source}: has {len(text):,} characters; the limit is {largest:,}.")
    try:
        return _load(text, allows_aliases)
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ConfigError(
            f"{source}: {where}{error.problem or error.context}.",
            discreet=f"{source}: {where}cannot be read as YAML.",
        ) from error
    except Exception as error:  # PyYAML's constructors raise nearly anything where a tag does not fit
        raise ConfigError(
            f"{source}: not valid YAML: {' '.join(str(error).split()) or type(error).__name__}.",
            discreet=f"{source}: not valid YAML.",
        ) from error


def _load(text: str, allows_aliases: bool) -> Any:
    loader = _Loader(text, allows_aliases=allows_aliases)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Refuses what YAML allows and nobody means, and what takes long."""

    def __init__(self, text: str, *, allows_aliases: bool) -> None:
        super().__init__(text)
        self._allows_aliases = allows_aliases
        self._depth = 0
        self._sizes: dict[int, int] = {}  # by id of a node: how many nodes it stands for

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node, and count what it stands for once aliases are replaced."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) and not self._allows_aliases:
            raise _refusal("aliases are not allowed here", event.start_mark)
        if self._depth == _DEEPEST:
            raise _refusal(f"is nested deeper than {_DEEPEST} levels", event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(event, yaml.AliasEvent) and id(node) not in self._sizes:
            raise _refusal("contains itself", event.start_mark)
        if node is not None and id(node) not in self._sizes:
            self._sizes[id(node)] = self._size_of(node)
        if len(self._sizes) > _MOST_NODES:
            raise _refusal(f"holds more than {_MOST_NODES:,} values", event.start_mark)
        return node

    def _size_of(self, node: yaml.Node) -> int:
        """How many nodes a node stands for. Raises if they are too many."""
        children: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            children = node.value
        elif isinstance(node, yaml.MappingNode):
            children = [each for pair in node.value for each in pair]
        size = 1 + sum(self._sizes[id(each)] for each in children)
        if size > _MOST_NODES:
            raise _refusal(f"stands for more than {_MOST_NODES:,} values", node.start_mark)
        return size

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a key that appears twice, where YAML would silently keep the last value."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue  # SafeLoader refuses it
            if key_node.tag == "tag:yaml.org,2002:merge" and not self._allows_aliases:
                raise _refusal("`<<` is not allowed here", key_node.start_mark)
            if key_node.value in seen:
                raise _refusal(f"{key_node.value} appears twice", key_node.start_mark)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)

    def construct_plain_number(self, node: yaml.ScalarNode) -> Any:
        """Refuse numbers that YAML 1.1 reads as nobody means them: 010 is 8, and 1:30 is 90."""
        text = self.construct_scalar(node)
        if len(text) > _LONGEST_NUMBER:
            raise _refusal(f"a number has more than {_LONGEST_NUMBER} characters", node.start_mark)
        digits = text.lstrip("+-").replace("_", "")
        if ":" in text or re.fullmatch("0[0-9]+", digits):
            read_as = self.construct_yaml_float(node) if "." in text else self.construct_yaml_int(node)
            raise _refusal(
                f"YAML reads {text} as {read_as}; write the number that is meant, or text in quotes", node.start_mark
            )
        return self.construct_yaml_float(node) if node.tag.endswith("float") else self.construct_yaml_int(node)


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.construct_plain_number)


def _refusal(problem: str, mark: Any) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, mark)
