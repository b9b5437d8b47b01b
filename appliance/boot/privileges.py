"""How the boot process gives its rights away, for good."""

from __future__ import annotations

import ctypes
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

USERS = ("bridgehead", "nobody")
_PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Account:
    """The user that boot runs as."""

    name: str
    uid: int
    gid: int


def boot_account() -> Account:
    """Give `bridgehead` where that user exists, else `nobody`; without root, who we are."""
    if os.geteuid() != 0:
        return Account("", os.geteuid(), os.getegid())
    for name in USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    return Account("nobody", 65534, 65534)


def own_folder(folder: Path, account: Account) -> None:
    """Make a folder that is the account's alone, with all that lies in it."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        for each in (folder, *folder.iterdir()):
            os.chown(each, account.uid, account.gid, follow_symlinks=False)
    folder.chmod(0o700)


def drop(account: Account) -> None:
    """Become the account with no way back. Raises OSError if that fails or did not hold."""
    os.umask(0o077)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(account.gid, account.gid, account.gid)
        os.setresuid(account.uid, account.uid, account.uid)
        if 0 in os.getresuid() or 0 in os.getresgid():
            raise OSError("the boot process is still root")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs cannot be set")
