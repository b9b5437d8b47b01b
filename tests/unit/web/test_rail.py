"""The seven pages."""

from __future__ import annotations

from appliance.web.rail import PAGES


def test_seven_pages_in_their_order() -> None:
    """Each has an address of its own."""
    assert [page.number for page in PAGES] == [1, 2, 3, 4, 5, 6, 7]
    assert [page.key for page in PAGES] == [
        *("site", "artifacts", "machines", "cluster", "review", "run", "done")
    ]
    assert len({page.path for page in PAGES}) == 7
    assert all(page.title for page in PAGES)
