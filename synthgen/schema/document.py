"""A YAML 1.2 text as plain data in which every place knows its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from synthgen.errors import InputError

#: Keys and list positions from the top of the document down.
Place = tuple[str | int, ...]

_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True)
class Document:
    """What a YAML text says.

    Attributes:
        content: mappings, lists and texts. Every scalar is the text that was written (``-1``, ``250.00``, ``NO``,
            ``true``), since a config is mostly texts of the data; what is meant as a number is read as one by the
            schema. The exceptions: an empty value of a key is ``None``, and the options of the model are as YAML
            types them, since only the model knows what it wants.
        lines: the line, from 1, of each place.
        mistakes: what YAML allows and a config does not: the place, its line and the words.
    """

    content: Any
    lines: dict[Place, int] = field(default_factory=dict)
    mistakes: list[tuple[Place, int, str]] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """The line of ``place``, or of the nearest place above it that is in the text."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def parse(text: str, source: str) -> Document:
    """Read a YAML text.

    Args:
        text: the whole text.
        source: where the text came from, for messages.

    Raises:
        InputError: the text is not YAML; the message says where, and shows nothing of the text.
    """
    yaml = YAML(typ="safe", pure=True)
    lines: dict[Place, int] = {}
    mistakes: list[tuple[Place, int, str]] = []
    try:
        root = yaml.compose(text)
        content = None if root is None else _Reader(yaml, lines, mistakes).read(root, ())
    except YAMLError as error:
        raise InputError(_syntax(error, text, source)) from None
    return Document(content, lines, mistakes)


@dataclass(frozen=True)
class _Reader:
    yaml: YAML
    lines: dict[Place, int]
    mistakes: list[tuple[Place, int, str]]
    above: list[Node] = field(default_factory=list)

    def read(self, node: Node, place: Place) -> Any:
        if any(node is outer for outer in self.above):
            self.mistakes.append((place, _line(node), "an alias to what it stands in; write it out"))
            return None
        self.lines.setdefault(place, _line(node))
        if place[:1] == ("model",) and len(place) > 1 and place[1] != "name":
            return self.yaml.constructor.construct_object(node, deep=True)
        self.above.append(node)
        try:
            return self._content(node, place)
        finally:
            self.above.pop()

    def _content(self, node: Node, place: Place) -> Any:
        if isinstance(node, MappingNode):
            return dict(self._entries(node, place))
        if isinstance(node, SequenceNode):
            return [
                item.value if isinstance(item, ScalarNode) else self.read(item, (*place, position))
                for position, item in enumerate(self._items(node, place))
            ]
        return None if node.tag == _NULL else node.value

    def _items(self, node: SequenceNode, place: Place) -> Iterator[Node]:
        for position, item in enumerate(node.value):
            self.lines[(*place, position)] = _line(item)
            yield item

    def _entries(self, node: MappingNode, place: Place) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = _line(key)
            if not isinstance(key, ScalarNode):
                self.mistakes.append((place, line, "a key that is not a text; correct the indentation or quote it"))
                continue
            inner = (*place, key.value)
            if key.value in seen:
                self.mistakes.append((inner, line, f"the key stands on line {seen[key.value]} too; remove one"))
                continue
            seen[key.value] = line
            self.lines[inner] = line
            yield key.value, self.read(value, inner)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _syntax(error: YAMLError, text: str, source: str) -> str:
    """The place and the parser's words; its excerpt of the text is left out."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        problem = getattr(error, "problem", None) or getattr(error, "context", None) or "cannot be read"
        return f"{source}:{mark.line + 1}:{mark.column + 1}: not valid YAML: {problem}; correct it there or just above"
    position = getattr(error, "position", None)
    if isinstance(position, int):
        line = text.count("\n", 0, position) + 1
        return f"{source}:{line}: not valid YAML: a control character; remove it"
    return f"{source}: not valid YAML; check it with an editor"
