"""A command line is obeyed, or refused in a sentence. What each verb does: its own tests."""

from __future__ import annotations

import pytest
import typer

from appliance.cli import verbs
from appliance.errors import InputError


def test_what_is_typed_wrong_is_refused() -> None:
    """By its name, with where to read on."""
    with pytest.raises(InputError, match="--nosuch") as refused:
        verbs.obey(["plan", "--nosuch"])
    assert refused.value.where == "the command line"
    assert refused.value.fix == "see 'provision plan --help'"
    with pytest.raises(InputError, match="NODE") as refused:
        verbs.obey(["power", "on", "site.yaml"])
    assert refused.value.fix == "see 'provision power on --help'"
    with pytest.raises(InputError) as refused:
        verbs.obey(["nosuch"])
    assert refused.value.fix == "see 'provision --help'"


def test_a_question_broken_off_is_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """A prompt ends by its own exception."""

    def abort(*_words: object, **_more: object) -> None:
        raise typer.Abort

    monkeypatch.setattr(verbs, "app", abort)
    with pytest.raises(KeyboardInterrupt):
        verbs.obey(["plan"])


def test_a_verbs_own_exit_code_is_given() -> None:
    """Help is no fault; a code that a verb exits with is the command's."""
    assert verbs.obey(["--help"]) == 0
