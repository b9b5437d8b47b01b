"""What cloud-init says of itself, read from texts as Debian's 22.4 and Ubuntu's 24.1 write them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.vms.boot_status import Boot, BootStatus, last_words, parse_status


def stage(start: float | None, finished: float | None, *errors: str) -> dict[str, Any]:
    """Give a stage as status.json has it."""
    return {"errors": list(errors), "start": start, "finished": finished}


def status_json(now: str | None, **stages: dict[str, Any]) -> str:
    """Give a status.json with the stages' names spelt with hyphens."""
    named = {name.replace("_", "-"): each for name, each in stages.items()}
    return json.dumps({"v1": {"datasource": "DataSourceNoCloud", "stage": now, **named}})


NOT_YET = stage(None, None)
ENDED = stage(1.0, 2.0)

# As cloud-init 22.4.2 prints it in the lab's image after a runcmd that fails.
RUNPARTS = "('scripts-user', RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands'))"
FAILED_22_4 = json.dumps(
    {
        "boot_status_code": "enabled-by-kernel-cmdline",
        "datasource": "nocloud",
        "detail": RUNPARTS,
        "errors": [RUNPARTS],
        "last_update": "Sat, 21 Nov 2026 13:33:48 +0000",
        "status": "error",
    }
)


def test_while_it_works() -> None:
    """The stage is told."""
    text = status_json("init", init_local=ENDED, init=stage(3.0, None), modules_final=NOT_YET)
    assert parse_status(text) == BootStatus(Boot.RUNNING, "init")
    assert not parse_status(text).ended


def test_between_two_stages_it_still_works() -> None:
    """No stage is under way, and the last one has not been."""
    text = status_json(None, init_local=ENDED, init=ENDED, modules_final=NOT_YET)
    assert parse_status(text).boot is Boot.RUNNING


def test_before_it_began() -> None:
    """The file is there and empty of times."""
    assert parse_status(status_json(None, init=NOT_YET)).boot is Boot.NOT_RUN


def test_when_it_is_done() -> None:
    """The final stage has ended without an error."""
    text = status_json(None, init=ENDED, modules_final=ENDED)
    assert parse_status(text) == BootStatus(Boot.DONE)
    assert parse_status(text).ended


def test_an_error_of_any_stage_ends_it() -> None:
    """Nothing waits for the stages behind it: what it did is not what was asked."""
    text = status_json("modules-config", init=stage(1.0, 2.0, "('users', oops)"))
    assert parse_status(text) == BootStatus(Boot.ERROR, "modules-config", ("('users', oops)",))


def test_newer_ones_tell_of_lesser_errors() -> None:
    """From 23.4 on; they end nothing."""
    final = {**ENDED, "recoverable_errors": {"WARNING": ["a deprecated key"]}}
    found = parse_status(status_json(None, modules_final=final))
    assert found == BootStatus(Boot.DONE, "", (), ("a deprecated key",))


def test_what_the_program_prints_as_json() -> None:
    """22.4's own words of a script that failed."""
    found = parse_status(FAILED_22_4)
    assert found.boot is Boot.ERROR
    assert found.errors == (RUNPARTS,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status: done\nboot_status_code: x\ndetail:\nDataSourceNoCloud", BootStatus(Boot.DONE)),
        ("....\nstatus: done\n", BootStatus(Boot.DONE)),
        ("status: disabled", BootStatus(Boot.DISABLED)),
        ("status: not run", BootStatus(Boot.NOT_RUN)),
        (
            "status: running\nboot_status_code: x\ndetail:\nRunning in stage: modules-config",
            BootStatus(Boot.RUNNING, "modules-config"),
        ),
        (
            "status: error\nboot_status_code: x\ndetail:\n('ntp', oops)",
            BootStatus(Boot.ERROR, "", ("('ntp', oops)",)),
        ),
        (
            "status: error\nextended_status: x\nerrors:\n\t- ('runcmd', oops)\ndetail: x",
            BootStatus(Boot.ERROR, "", ("('runcmd', oops)",)),
        ),
        (
            "status: done\nextended_status: degraded done\nerrors: []\ndetail: x",
            BootStatus(Boot.DONE),
        ),
    ],
)
def test_what_the_program_prints_for_people(text: str, expected: BootStatus) -> None:
    """`--long` of both versions, and with the dots of `--wait`."""
    assert parse_status(text) == expected


@pytest.mark.parametrize("text", ["", "bash: cloud-init: not found", "[]", "{}", "status: well"])
def test_what_is_no_status(text: str) -> None:
    """It is said, not guessed."""
    with pytest.raises(ValueError, match=r"."):
        parse_status(text)


@given(st.text())
def test_garbage_is_read_or_refused(text: str) -> None:
    """Nothing else happens."""
    try:
        parse_status(text)
    except ValueError:
        return


LOG_OF_A_SCRIPT = """\
2026-11-21 13:33:48,100 - subp.py[DEBUG]: Running command ['/x/runcmd']
2026-11-21 13:33:48,200 - subp.py[DEBUG]: Failed running /x/runcmd [22]
2026-11-21 13:33:48,300 - cc_scripts_user.py[WARNING]: Failed to run module scripts-user (scripts)
2026-11-21 13:33:48,301 - util.py[WARNING]: Running module scripts-user (<module 'x'>) failed
"""
OUTPUT_OF_A_SCRIPT = """\
Cloud-init v. 22.4.2 running 'modules:final' at Sat, 21 Nov 2026 13:33:47 +0000. Up 45.32 seconds.
fetching
curl: (22) The requested URL returned error: 404
2026-11-21 13:33:48,300 - cc_scripts_user.py[WARNING]: Failed to run module scripts-user (scripts)
2026-11-21 13:33:48,301 - util.py[WARNING]: Running module scripts-user (<module 'x'>) failed
Cloud-init v. 22.4.2 finished at Sat, 21 Nov 2026 13:33:48 +0000.
"""


def test_a_scripts_own_last_words() -> None:
    """They stand in the output, before cloud-init says that it failed."""
    found = last_words(LOG_OF_A_SCRIPT, OUTPUT_OF_A_SCRIPT)
    assert found == "curl: (22) The requested URL returned error: 404"


def test_a_silent_script() -> None:
    """It leaves cloud-init's own complaint."""
    assert "Running module scripts-user" in last_words(LOG_OF_A_SCRIPT, "")


def test_a_modules_own_complaint() -> None:
    """The telling line is taken, not the one that repeats it."""
    log = (
        "2026-11-21 13:33:33,041 - cc_ntp.py[WARNING]: ntp: no such client 'x'\n"
        "2026-11-21 13:33:33,042 - util.py[WARNING]: Running module ntp (<module 'x'>) failed\n"
    )
    assert last_words(log, "anything") == "ntp: no such client 'x'"


def test_quiet_logs() -> None:
    """Nothing is made up."""
    assert last_words("all is [DEBUG]: well\n", "hello\n") == ""
