"""Reads a page the way a checker does: tags with their attributes, labels, and the words a person sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SILENT = {"script", "style", "noscript", "title"}


@dataclass
class Tag:
    name: str
    attributes: dict[str, str]
    parents: tuple[Tag, ...] = ()
    text: str = ""

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str) -> str | None:
        return self.attributes.get(name)

    def inside(self, name: str) -> bool:
        return any(parent.name == name for parent in self.parents)


@dataclass
class Page(HTMLParser):
    """``Page.of(response)``; ``tags`` in document order, ``words`` what is read out or seen."""

    tags: list[Tag] = field(default_factory=list)
    words: str = ""
    _open: list[Tag] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    @classmethod
    def of(cls, response) -> Page:
        page = cls()
        page.feed(response.content.decode())
        return page

    def all(self, *names: str) -> list[Tag]:
        return [tag for tag in self.tags if tag.name in names]

    def forms_to(self, address: str) -> list[Tag]:
        return [tag for tag in self.all("form") if tag.get("action") == address]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = Tag(tag, {name: value or "" for name, value in attrs}, tuple(self._open))
        self.tags.append(found)
        if tag not in VOID:
            self._open.append(found)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(Tag(tag, {name: value or "" for name, value in attrs}, tuple(self._open)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().name != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            tag.text += data
        if not any(tag.name in SILENT for tag in self._open):
            self.words += data
