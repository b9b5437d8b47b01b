#!/usr/bin/env python3
"""Runs the suites one after the other and ends with a table: minutes, result, pytest's words.

    .ci/suites.py            lint and every suite, without what is marked `long`
    .ci/suites.py unit fuzz  those
    .ci/suites.py --long     what is marked `long`, nothing else
    .ci/suites.py --vagrant  of that, the whole site by Vagrant

A suite whose files exist but of which no test ran has failed: a test that is silently left out
proves nothing. A suite whose files are not written yet is named as such.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
PASSED = "passed"
NOT_WRITTEN = "not written yet"
CORES = "2"  # what the gate is given; more here would hide what does not fit there
MINUTE = 60
# What root leaves in the clone, its owner could not remove.
SUDO = [
    *(
        "sudo",
        "--preserve-env=CI,XDG_CACHE_HOME,BRIDGEHEAD_CONSOLES",
        "env",
        "PYTHONDONTWRITEBYTECODE=1",
    ),
    # sudo's own search path, and where OpenTofu is on a computer without Terraform.
    f"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{BIN}",
]
CLOSING_LINE = re.compile(r"=+ (?P<words>.* in [\d.]+s.*?) =+\s*")


@dataclass(frozen=True, slots=True)
class Suite:
    """A group of test files run by one pytest."""

    name: str
    pattern: str
    parallel: bool = False
    as_root: bool = False
    marked: str = "not long"
    shown: bool = False

    def files(self) -> list[str]:
        """Give the suite's test files, relative to the clone."""
        return sorted(str(p.relative_to(ROOT)) for p in ROOT.glob(self.pattern))


SUITES = (
    Suite("unit", "tests/unit/**/test_*.py", parallel=True, as_root=True),
    Suite("oracle", "tests/oracle/**/test_*.py", parallel=True),
    Suite("captures", "tests/captures/**/test_*.py", parallel=True),
    Suite("fuzz", "tests/fuzz/**/test_*.py", parallel=True),
    # These wait for foreign programs and machines, which two cores serve one at a time.
    Suite("interop", "tests/interop/**/test_*.py", as_root=True),
    # One browser at a time: two cores draw and judge pages for one.
    Suite("web", "tests/web/**/test_*.py"),
    Suite("web-api", "tests/web_api/**/test_*.py"),
    Suite("terraform", "tests/terraform/**/test_*.py"),
    Suite("flow", "tests/flow/**/test_*.py", as_root=True),
    Suite("vagrant", "tests/vagrant/**/test_*.py", as_root=True),
    Suite("rehearsal", "tests/lab/**/test_*.py", as_root=True),
)
LONG = Suite("long", "tests/**/test_*.py", as_root=True, marked="long")
# Its minutes are said while it runs.
SITE_BY_VAGRANT = Suite(
    "vagrant", "tests/vagrant/test_long_*.py", as_root=True, marked="long", shown=True
)

LINT = (
    ("ruff check", "."),
    ("ruff format --check", "."),
    ("mypy", ""),
    ("lint-imports --no-cache --no-logo", ""),
    ("yamllint --strict --config-file .ci/yamllint.yaml", "playbooks"),
    ("ansible-lint --offline --nocolor -q --project-dir . -c .ci/ansible-lint.yaml", "playbooks"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a suite, for the table."""

    name: str
    seconds: float
    result: str
    said: str

    @property
    def failed(self) -> bool:
        """True unless it passed or is not written yet."""
        return self.result not in {PASSED, NOT_WRITTEN}


def terraform_program() -> str | None:
    """Find Terraform, else the OpenTofu that `.ci/set-up --lab` leaves in .venv/bin."""
    return shutil.which("terraform") or shutil.which("tofu", path=f"{BIN}:{os.environ['PATH']}")


def check_terraform() -> bool:
    """Look at the form of the Terraform files; say so where there is nothing to do it with."""
    program = terraform_program()
    print("$ terraform fmt -check -recursive terraform", flush=True)
    if program is None:
        print("SKIPPED: there is neither terraform nor tofu here; .ci/set-up --lab gives one")
        return True
    words = [program, "fmt", "-check", "-diff", "-recursive", "terraform"]
    # The file that this variable names need not exist, and nothing of it matters here.
    environment = {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull}
    return subprocess.run(words, cwd=ROOT, check=False, env=environment).returncode == 0


def run_lint() -> Outcome:
    """Run every checker even if an earlier one complains, so that one look shows all."""
    started = time.monotonic()
    bad = [] if check_terraform() else ["terraform fmt"]
    for command, path in LINT:
        program, *options = command.split()
        print(f"$ {command} {path}".rstrip(), flush=True)
        done = subprocess.run([BIN / program, *options, *path.split()], cwd=ROOT, check=False)
        if done.returncode:
            bad.append(program if program not in bad else command)
    result = f"FAILED: {', '.join(bad)}" if bad else PASSED
    return Outcome("lint", time.monotonic() - started, result, f"{len(LINT) + 1} checkers")


def command_for(suite: Suite, files: list[str]) -> list[str]:
    """Build pytest's command line, under sudo where the suite needs root and we are not."""
    sudo = SUDO if suite.as_root and os.geteuid() != 0 else []
    tidy = ["-p", "no:cacheprovider"] if sudo else []
    parallel = ["-n", CORES] if suite.parallel else []
    return [
        *sudo,
        str(BIN / "python"),
        *("-m", "pytest", "-m", suite.marked, "--durations=5"),
        *parallel,
        *(["--capture=no"] if suite.shown else []),
        *tidy,
        *files,
    ]


def run_pytest(command: list[str]) -> tuple[int, str]:
    """Pass pytest's output on as it comes; give its exit code and what its closing line said."""
    said = "-"
    # Where this computer has no Terraform, OpenTofu is in there.
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:{BIN}"}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as pytest:
        for line in pytest.stdout or ():
            print(line, end="", flush=True)
            if closing := CLOSING_LINE.fullmatch(line):
                said = closing["words"]
    return pytest.returncode, said


def run_suite(suite: Suite) -> Outcome:
    """Run one suite."""
    files = suite.files()
    if not files:
        return Outcome(suite.name, 0.0, NOT_WRITTEN, "-")
    print(f"\n======== {suite.name}", flush=True)
    started = time.monotonic()
    code, said = run_pytest(command_for(suite, files))
    words = {0: PASSED, 5: "FAILED: no test ran"}
    result = words.get(code, f"FAILED: exit {code}")
    return Outcome(suite.name, time.monotonic() - started, result, said)


def table(outcomes: list[Outcome]) -> str:
    """Draw the closing table."""
    minutes = sum(o.seconds for o in outcomes) / MINUTE
    failed = ", ".join(o.name for o in outcomes if o.failed)
    rows = [
        ("suite", "minutes", "result", ""),
        *((o.name, f"{o.seconds / MINUTE:.1f}", o.result, o.said) for o in outcomes),
        ("total", f"{minutes:.1f}", f"FAILED: {failed}" if failed else PASSED, ""),
    ]
    wide = max(len(row[2]) for row in rows)
    return "\n".join(f"{a:<10} {b:>7}  {c:<{wide}}  {d}".rstrip() for a, b, c, d in rows)


def main() -> int:
    """Run what was asked for; 0 if all of it passed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    names = ["lint", *(s.name for s in SUITES)]
    parser.add_argument("suites", nargs="*", metavar="suite", help=f"of: {' '.join(names)}")
    parser.add_argument("--long", action="store_true", help="what is marked long")
    parser.add_argument("--vagrant", action="store_true", help="the whole site by Vagrant")
    asked = parser.parse_args()
    unknown = set(asked.suites) - set(names)
    if unknown:
        parser.error(
            f"no suite is called {', '.join(sorted(unknown))}; there are {' '.join(names)}"
        )
    # The lab finds its payload in the cache of whoever called, also under sudo.
    os.environ.setdefault("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    if asked.long:
        outcomes = [run_suite(LONG)]
    elif asked.vagrant:
        outcomes = [run_suite(SITE_BY_VAGRANT)]
    else:
        wanted = asked.suites or names
        outcomes = [run_lint()] if "lint" in wanted else []
        outcomes += [run_suite(s) for s in SUITES if s.name in wanted]
    print(f"\n{table(outcomes)}", flush=True)
    return 1 if any(o.failed for o in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
