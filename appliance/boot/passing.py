"""Open sockets passed to a boot process that is not main's own child, and fetched there.

One message on a connected Unix stream socket carries the descriptors and their names; the same
connection is the control channel from then on. Ancillary data is a barrier on a stream (unix(7)):
one receive gives this message and nothing of what follows it.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import WireError

_MESSAGE = 4096
_MOST = 253  # SCM_MAX_FD, include/net/scm.h
_LAST_WORDS = "stderr"


@dataclass(frozen=True, slots=True)
class Passed:
    """What came over: where the state lies, and the descriptors, owned by the receiver now."""

    state_dir: Path
    sockets: Mapping[str, int]
    last_words: int


def pass_on(
    connection: socket.socket, state_dir: Path, sockets: Mapping[str, int], last_words: int
) -> None:
    """Send the sockets, and the pipe that takes the other side's last words. Raises OSError.

    The descriptors stay open here; the other side has its own.
    """
    names = [*sockets, _LAST_WORDS]
    message = json.dumps({"state": str(state_dir), "names": names}).encode()
    if len(message) > _MESSAGE or len(names) > _MOST:
        raise OSError(f"{len(names)} sockets do not go into one message")
    socket.send_fds(connection, [message], [*sockets.values(), last_words])


def fetch(connection: socket.socket) -> Passed:
    """Receive what `pass_on` sent. Raises WireError for anything else, with nothing left open."""
    message, descriptors, flags, _ = socket.recv_fds(connection, _MESSAGE, _MOST)
    try:
        if flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC):
            raise WireError("the passed sockets came cut off")
        try:
            read = json.loads(message)
            state_dir, names = Path(read["state"]), [str(each) for each in read["names"]]
        except (ValueError, KeyError, TypeError) as error:
            raise WireError("what came is no list of passed sockets") from error
        if len(names) != len(descriptors) or len(set(names)) != len(names):
            raise WireError(f"{len(names)} sockets are named and {len(descriptors)} came")
        if names[-1:] != [_LAST_WORDS]:
            raise WireError("nothing came to write last words to")
    except WireError:
        for each in descriptors:
            os.close(each)
        raise
    named = dict(zip(names, descriptors, strict=True))
    last_words = named.pop(_LAST_WORDS)
    return Passed(state_dir, named, last_words)
