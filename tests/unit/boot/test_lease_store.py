"""Leases on disk: what was committed is there, whatever happens next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.boot.lease_store import LeaseStore, laptop_boot, read_leases
from appliance.boot.leases import Hold, Lease, LeaseChange
from appliance.values import Mac

ADDRESS = IPv4Address("10.20.0.100")
MAC = Mac("525400000001")
LEASE = Lease(ADDRESS, MAC, Hold.LEASE, 1120.0, 120.0, "hv1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The place of a new boot.db."""
    return tmp_path / "boot.db"


@pytest.fixture
def store(path: Path) -> Iterator[LeaseStore]:
    """An open store of the laptop's boot `one`."""
    opened = LeaseStore(path, boot="one")
    yield opened
    opened.close()


def reopened(path: Path, boot: str, now: float) -> tuple[tuple[Lease, ...], tuple[str, ...]]:
    """Load with a new connection."""
    again = LeaseStore(path, boot=boot)
    try:
        return again.load(now)
    finally:
        again.close()


def test_committed_lease_is_read_by_another_connection(store: LeaseStore, path: Path) -> None:
    """Put, replaced, taken away: the last change of an address counts."""
    declined = Lease(ADDRESS + 1, MAC, Hold.DECLINED, 1600.0, 600.0)
    store.commit(
        [
            LeaseChange(ADDRESS, None),
            LeaseChange(ADDRESS, LEASE),
            LeaseChange(declined.address, declined),
        ],
        unix=1.0,
    )
    assert reopened(path, "one", 1000.0) == ((LEASE, declined), ())
    store.commit([LeaseChange(ADDRESS, None)], unix=2.0)
    assert reopened(path, "one", 1000.0)[0] == (declined,)
    store.commit([], unix=3.0)


def test_same_boot_keeps_the_end_and_drops_what_is_over(store: LeaseStore, path: Path) -> None:
    """The monotonic clock runs on over a restart of the program, whatever the wall clock did."""
    store.commit([LeaseChange(ADDRESS, LEASE)], unix=1e12)
    assert reopened(path, "one", 1119.0)[0][0].ends == 1120.0
    assert reopened(path, "one", 1120.0) == ((), ())


def test_other_boot_runs_the_whole_length_again(store: LeaseStore, path: Path) -> None:
    """After the laptop rebooted nobody knows how long ago it was: never too short."""
    store.commit([LeaseChange(ADDRESS, LEASE)], unix=1.0)
    assert reopened(path, "two", 5.0)[0][0].ends == 125.0


def test_end_beyond_the_length_is_cut(store: LeaseStore, path: Path) -> None:
    """A lease cannot end later than its length from now."""
    store.commit([LeaseChange(ADDRESS, LEASE)], unix=1.0)
    assert reopened(path, "one", 10.0)[0][0].ends == 130.0


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("mac", "nonsense"),
        ("hold", "borrowed"),
        ("length", -1.0),
        ("length", float("inf")),
        ("address", "10.20.0"),
    ],
)
def test_damaged_row_is_left_aside_and_reported(
    store: LeaseStore, path: Path, column: str, value: object
) -> None:
    """One bad row costs itself, not the others."""
    other = Lease(ADDRESS + 1, Mac("525400000002"), Hold.LEASE, 1120.0, 120.0)
    store.commit([LeaseChange(ADDRESS, LEASE), LeaseChange(other.address, other)], unix=1.0)
    with sqlite3.connect(path) as raw:
        raw.execute(f"UPDATE lease SET {column} = ? WHERE address = ?", (value, str(ADDRESS)))
    raw.close()
    leases, damaged = reopened(path, "one", 1000.0)
    assert leases == (other,)
    assert len(damaged) == 1
    assert "damaged" in damaged[0]


def test_failed_commit_leaves_nothing_half_done(store: LeaseStore, path: Path) -> None:
    """All changes of a batch are on disk, or none; and the next batch works again."""
    broken = Lease(ADDRESS + 1, MAC, Hold.LEASE, 1120.0, 120.0, "\ud800")
    with pytest.raises(UnicodeEncodeError):
        store.commit([LeaseChange(ADDRESS, LEASE), LeaseChange(broken.address, broken)], unix=1.0)
    assert reopened(path, "one", 1000.0)[0] == ()
    store.commit([LeaseChange(ADDRESS, LEASE)], unix=1.0)
    assert reopened(path, "one", 1000.0)[0] == (LEASE,)


def test_every_commit_reaches_the_disk(store: LeaseStore) -> None:
    """`synchronous` is FULL (2) and the journal is a write-ahead log."""
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_laptop_boot_is_stable() -> None:
    """The kernel names its boot once."""
    assert laptop_boot() == laptop_boot()
    assert len(laptop_boot()) == 36


def test_another_process_reads_what_runs(store: LeaseStore, path: Path) -> None:
    """Without writing to the file; what is over, or no lease, is left out; no file is no lease."""
    lease = Lease(IPv4Address("10.20.0.200"), Mac("525400000001"), Hold.LEASE, 160.0, 60.0)
    over = Lease(IPv4Address("10.20.0.201"), Mac("525400000002"), Hold.LEASE, 90.0, 60.0)
    declined = Lease(IPv4Address("10.20.0.202"), Mac("525400000003"), Hold.DECLINED, 900.0, 900.0)
    store.commit([LeaseChange(each.address, each) for each in (lease, over, declined)], unix=1.0)
    assert [each.mac for each in read_leases(path, 100.0, boot="one")] == [lease.mac]
    assert read_leases(path.with_name("none.db"), 100.0, boot="one") == ()
    path.with_name("empty.db").touch()
    assert read_leases(path.with_name("empty.db"), 100.0, boot="one") == ()
