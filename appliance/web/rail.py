"""The seven pages, in the order in which a site is brought up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page:
    """One page: `key` is what a template sets as its `page`, `path` where it is."""

    number: int
    key: str
    title: str
    path: str


PAGES = tuple(
    Page(number, key, title, f"/{key}")
    for number, (key, title) in enumerate(
        (
            ("site", "Site"),
            ("artifacts", "Files"),
            ("machines", "Machines"),
            ("cluster", "VMs and cluster"),
            ("review", "Review"),
            ("run", "Run"),
            ("done", "Done"),
        ),
        start=1,
    )
)
