"""Opening a site: exclusive when it is run, open to looks meanwhile; signals ask for a stop."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from appliance.errors import BusyError
from appliance.flow.context import Options
from appliance.flow.session import opened, stopped_by_signals
from appliance.paths import Paths
from appliance.values import Secret

_OPTIONS = Options(interface="lo")


def test_one_run_at_a_time_and_looks_beside_it(tmp_path: Path) -> None:
    """A second run is told who holds the site; a look is not kept out."""
    paths = Paths(tmp_path)
    site = tmp_path / "site.yaml"
    with opened(site, "alpha", paths, _OPTIONS, exclusive="provision run"):
        with (
            pytest.raises(BusyError) as caught,
            opened(site, "alpha", paths, _OPTIONS, exclusive="provision reinstall"),
        ):
            pass
        assert f"process {os.getpid()}, provision run" in caught.value.why
        with opened(site, "alpha", paths, _OPTIONS) as context:
            assert context.proven.all() == ()
        with opened(site, "beta", paths, _OPTIONS, exclusive="provision run"):
            pass


def test_a_check_keeps_nothing(tmp_path: Path) -> None:
    """Neither where the site was never run, nor in the journal that there is."""
    paths, site = Paths(tmp_path / "state"), tmp_path / "site.yaml"
    with opened(site, "alpha", paths, _OPTIONS, keep=False) as context:
        context.tell("finding", "seen by a check")
        context.vault.put("token", Secret("of a check"))
    assert not paths.root.exists()
    with opened(site, "alpha", paths, _OPTIONS) as context:
        context.tell("finding", "seen by a run")
        context.vault.put("token", Secret("of a run"))
    with opened(site, "alpha", paths, _OPTIONS, keep=False) as context:
        token = context.vault.get("token")
        assert token is not None
        assert token.reveal() == "of a run"
        context.tell("finding", "seen by a check")
    with opened(site, "alpha", paths, _OPTIONS) as context:
        assert [each.text for each in context.journal.events()] == ["seen by a run"]


def test_the_first_interrupt_asks_and_the_second_acts() -> None:
    """Ctrl-C sets the stop; Ctrl-C again raises; afterwards signals are as before."""
    stop = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    with stopped_by_signals(stop):
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_sigterm_asks_too() -> None:
    """A service manager's stop is a stop."""
    stop = threading.Event()
    with stopped_by_signals(stop):
        signal.raise_signal(signal.SIGTERM)
    assert stop.is_set()
