"""The site on its wire, for every flow test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flow.rehearsed_site import JOINING, SITE, RehearsedSite, rehearsed_site


@pytest.fixture
def site() -> Iterator[RehearsedSite]:
    """A site of one machine."""
    with rehearsed_site() as made:
        yield made


@pytest.fixture
def site_of_two() -> Iterator[RehearsedSite]:
    """A site of two machines: one creates the cluster, one joins it."""
    with rehearsed_site(SITE + JOINING) as made:
        yield made
