"""How the lab's own programs end."""

from __future__ import annotations

import pytest

from appliance.errors import InputError
from appliance.lab.as_program import ended


def test_an_error_is_a_line_and_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """Without one, nothing is said."""
    done: list[str] = []
    assert ended(lambda: done.append("done")) == 0
    assert (done, capsys.readouterr().err) == (["done"], "")

    def fails() -> None:
        raise InputError("it cannot be read", where="site.yaml")

    assert ended(fails) == InputError.exit_code
    assert capsys.readouterr().err == "site.yaml: it cannot be read\n"
