"""What a page consists of, as a browser would read it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img"}


class Page(HTMLParser):
    """The elements of a page: name, attributes, and the text inside."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self.open: list[tuple[str, list[str]]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        text: list[str] = []
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice"
        self.elements.append((tag, {name: value or "" for name, value in attrs}, text))
        if tag not in VOID:
            self.open.append((tag, text))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self.open.pop()
        assert opened == tag

    def handle_data(self, data: str) -> None:
        for _, text in self.open:
            text.append(data)

    def inline(self) -> list[str]:
        """Attributes that a browser would run."""
        return [name for _, found, _ in self.elements for name in found if name.startswith("on")]

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes, _ in self.elements if tag in tags]

    def by_id(self, element_id: str) -> tuple[str, dict[str, str], str]:
        (found,) = [e for e in self.elements if e[1].get("id") == element_id]
        return found[0], found[1], "".join(found[2])

    def labels(self) -> dict[str, str]:
        """The text of each label, by the id of what it names."""
        return {a["for"]: "".join(t).strip() for tag, a, t in self.elements
                if tag == "label" and "for" in a}  # fmt: skip
