"""Ansible module: puts all files of a machine in their places in one go.

One start of Python instead of one or two for each file: in an emulated machine each costs seconds.
"""

from __future__ import annotations

import base64
import grp
import hashlib
import os
import pwd
import stat
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: site_files
short_description: Puts files in their places in one go
description:
  - Each file is written beside its place and renamed into it, so that nobody sees a half one.
  - Missing folders are made, C(0755) and root's. What is as it should be is not touched.
options:
  files:
    description: The files. Each has C(content), C(secret_base64) or C(url) with C(sha256).
    type: list
    elements: dict
    required: true
    suboptions:
      path: {type: path, required: true, description: Where the file goes.}
      mode: {type: str, default: "0644", description: Its permissions, octal.}
      content: {type: str, description: Its text.}
      secret_base64:
        type: str
        description:
          - Its octets in base64, which are shown and logged nowhere.
          - Ansible logs arguments on the machine as Python writes a list, where a line's end is a
            backslash and an n. So a text of several lines would not be found and hidden.
      url: {type: str, description: Where it is fetched from. No proxy is asked.}
      wanted: {type: bool, default: true, description: False leaves whatever is there alone.}
      sha256: {type: str, description: Its SHA-256 in hex, which what is fetched must have.}
  blocks:
    description: Blocks of lines in files that are otherwise the system's, between two marks.
    type: list
    elements: dict
    default: []
    suboptions:
      path: {type: path, required: true, description: The file.}
      block: {type: str, required: true, description: The lines.}
      begin: {type: str, required: true, description: The line before them.}
      end: {type: str, required: true, description: The line behind them.}
  timeout:
    description: The longest silence of a server, in seconds.
    type: int
    default: 60
author:
  - Bridgehead
"""

RETURN = r"""
changed_files:
  description: The paths that were written, or would be.
  type: list
  returned: always
"""

EXAMPLES = r"""
- name: Put the files in their places
  site_files:
    files:
      - path: /etc/motd
        content: "Welcome\n"
      - path: /usr/local/bin/k3s
        mode: "0755"
        url: http://10.20.0.2/a/k3s
        sha256: 0a1b…
"""

TRIES = 3
CHUNK = 1 << 20


def main() -> None:
    """Compare each file, and write those that differ."""
    text = {"type": "str"}
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "mode": {"type": "str", "default": "0644"},
                    "content": text,
                    "secret_base64": {"type": "str", "no_log": True},
                    "url": text,
                    "sha256": text,
                    "wanted": {"type": "bool", "default": True},
                },
                "required_one_of": [["content", "secret_base64", "url"]],
                "mutually_exclusive": [["content", "secret_base64", "url"]],
                "required_by": {"url": ["sha256"]},
            },
            "blocks": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "path": {"type": "path", "required": True},
                    **{
                        name: {"type": "str", "required": True}
                        for name in ("block", "begin", "end")
                    },
                },
            },
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    changed = []
    try:
        for file in module.params["files"]:
            if file["wanted"] and put(file, module.params["timeout"], dry=module.check_mode):
                changed.append(file["path"])
        for block in module.params["blocks"]:
            if put_block(block, dry=module.check_mode):
                changed.append(block["path"])
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error), changed_files=changed)
    module.exit_json(changed=bool(changed), changed_files=changed)


def put(file: dict[str, str], timeout: int, *, dry: bool) -> bool:
    """Put one file in its place; say whether it had to be. Raises OSError, ValueError."""
    path, mode = Path(file["path"]), int(file["mode"], 8)
    raw = octets(file)
    wanted = file["sha256"] if raw is None else hashlib.sha256(raw).hexdigest()
    if path.is_file() and not path.is_symlink() and digest(path) == wanted:
        return settle(path, mode, dry=dry)
    if dry:
        return True
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # made 0600
    try:
        with os.fdopen(descriptor, "wb") as target:
            if raw is None:
                fetch(file["url"], wanted, target, timeout)
            else:
                target.write(raw)
            target.flush()
            os.fsync(target.fileno())
        Path(draft).chmod(mode)
        Path(draft).rename(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return True


def octets(file: dict[str, str]) -> bytes | None:
    """Give what a file is to hold, if it is not fetched. Raises ValueError for no base64."""
    if file["content"] is not None:
        return file["content"].encode()
    secret = file["secret_base64"]
    return None if secret is None else base64.b64decode(secret, validate=True)


def settle(path: Path, mode: int, *, dry: bool) -> bool:
    """Give a file its permissions and to root; say whether it had to be."""
    found = path.stat()
    owner = (pwd.getpwuid(os.geteuid()).pw_uid, grp.getgrgid(os.getegid()).gr_gid)
    differs = stat.S_IMODE(found.st_mode) != mode or (found.st_uid, found.st_gid) != owner
    if differs and not dry:
        os.chown(path, *owner)
        path.chmod(mode)
    return differs


def fetch(url: str, wanted: str, target: object, timeout: int) -> None:
    """Fetch a URL into a file. Raises OSError, and ValueError for another checksum."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for left in reversed(range(TRIES)):
        target.seek(0)
        target.truncate()
        found = hashlib.sha256()
        try:
            with opener.open(url, timeout=timeout) as answer:
                while chunk := answer.read(CHUNK):
                    found.update(chunk)
                    target.write(chunk)
            break
        except urllib.error.HTTPError as error:
            raise OSError(f"{url} gives {error.code} {error.reason}") from error
        except OSError as error:
            if not left:
                raise OSError(f"{url} cannot be fetched: {error}") from error
            time.sleep(1)
    if found.hexdigest() != wanted:
        raise ValueError(
            f"{url} has the SHA-256 {found.hexdigest()}, not {wanted}: it was changed or damaged"
        )


def put_block(block: dict[str, str], *, dry: bool) -> bool:
    """Put a block in its place, at the end where it was not there; say whether it had to be."""
    path = Path(block["path"])
    lines = path.read_text().splitlines()
    wanted = [block["begin"], *block["block"].splitlines(), block["end"]]
    if block["begin"] in lines and block["end"] in lines:
        first, last = lines.index(block["begin"]), lines.index(block["end"])
        made = [*lines[:first], *wanted, *lines[last + 1 :]]
    else:
        made = [*lines, *wanted]
    if made == lines:
        return False
    mode = f"{stat.S_IMODE(path.stat().st_mode):o}"
    whole = {"path": block["path"], "mode": mode, "content": "\n".join(made) + "\n"}
    return put(whole | {"secret_base64": "", "url": ""}, 0, dry=dry)


def digest(path: Path) -> str:
    """Give a file's SHA-256 in hex."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


if __name__ == "__main__":
    main()
