"""Rights are given away for good, and the state folder is the account's alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.boot.privileges import Account, boot_account, own_folder

PROBE = """
import os
from appliance.boot.privileges import boot_account, drop
drop(boot_account())
status = dict(l.split(":", 1) for l in open("/proc/self/status").read().splitlines())
print(os.getresuid(), os.getgroups(), status["CapEff"].strip(), status["NoNewPrivs"].strip())
try:
    os.setuid(0)
    print("root again")
except PermissionError:
    print("no way back")
print(oct(os.umask(0)))
"""


@pytest.mark.root
def test_root_is_given_away_for_good() -> None:
    """No id, no group, no capability, no way back by a set-uid program."""
    out = subprocess.run(
        [sys.executable, "-c", PROBE], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    uid = boot_account().uid

    assert uid != 0
    assert out[0] == f"({uid}, {uid}, {uid}) [] {0:016x} 1"
    assert out[1:] == ["no way back", "0o77"]


def test_without_root_it_stays_who_it_is() -> None:
    """A developer runs it as himself."""
    account = boot_account()

    assert account.uid != 0 or os.geteuid() == 0
    if os.geteuid() != 0:
        assert account == Account("", os.geteuid(), os.getegid())


def test_the_folder_is_the_accounts_alone(tmp_path: Path) -> None:
    """Made if it is not there, with what an earlier run left in it; links are not followed."""
    account = boot_account()
    folder = tmp_path / "site" / "boot"
    own_folder(folder, account)
    (folder / "boot.db").write_text("x")
    outside = tmp_path / "outside"
    outside.write_text("x")
    (folder / "link").symlink_to(outside)
    owner = outside.stat().st_uid
    own_folder(folder, account)

    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "boot.db").stat().st_uid == account.uid
    assert outside.stat().st_uid == owner
