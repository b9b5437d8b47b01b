"""The shape of the project: what is where, what is documented, what is never committed."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel

from appliance import errors

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "appliance"
UNIT = ROOT / "tests" / "unit"

STANDIN = ("lab", "payload", "standin")
"""Programs that the payload carries: they run on the installed machine, not in this package."""

WITHOUT_TEST: dict[str, str] = {}
"""Modules (`boot/decide.py`) that have no test file of their own, with the reason."""

WITHOUT_MODULE = {"test_shape.py": "tests the project, not a module"}
"""Test files (`boot/test_decide.py`) that mirror no module, with the reason."""

NAMES_A_PATH: dict[str, str] = {}
"""Committed files that may name a path such as root's home, with the reason."""

# Spelt in halves, because this file is committed too.
PACKAGE_INDEXES = [
    f"{name}.{domain}"
    for name, domain in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("proxy.golang", "org"),
        ("pkg", "dev"),
    ]
]
PRIVATE_PATH = re.compile(r"(?<![\w.})*])/(?:work|root|Users/\w+|home/\w+|tmp/bh)/")


def committed() -> Iterator[tuple[str, str]]:
    """Give the name and text of every file that git knows of."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file():
            yield name, path.read_text(encoding="utf-8", errors="replace")


def modules() -> set[str]:
    """Give every module that is code of this package, as a path inside it."""
    paths = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    return {
        str(path)
        for path in paths
        if path.name not in {"__init__.py", "__main__.py"} and path.parts[:3] != STANDIN
    }


def mirrored(module: str) -> str:
    """Name the test file of a module."""
    path = Path(module)
    return str(path.with_name(f"test_{path.name}"))


def test_every_module_has_its_test_file() -> None:
    """`appliance/boot/decide.py` is tested by `tests/unit/boot/test_decide.py`."""
    missing = {m for m in modules() - WITHOUT_TEST.keys() if not (UNIT / mirrored(m)).exists()}

    assert missing == set()


def test_every_unit_test_mirrors_a_module() -> None:
    """A test file whose module was renamed or removed is found."""
    expected = {mirrored(module) for module in modules()} | WITHOUT_MODULE.keys()
    found = {
        str(path.relative_to(UNIT))
        for path in UNIT.rglob("test_*.py")
        if path.relative_to(UNIT).parts[:3] != STANDIN
    }

    assert found - expected == set()


def test_no_excuse_outlives_its_file() -> None:
    """An excuse for a file that is gone, or has its test now, is removed."""
    stale = {m for m in WITHOUT_TEST if m not in modules() or (UNIT / mirrored(m)).exists()}
    stale |= {t for t in WITHOUT_MODULE if not (UNIT / t).exists()}
    stale |= {name for name in NAMES_A_PATH if not (ROOT / name).exists()}

    assert stale == set()


def test_no_committed_file_names_a_package_index() -> None:
    """A site without Internet uses a mirror: nothing may be tied to one host of packages."""
    naming = {name for name, text in committed() for host in PACKAGE_INDEXES if host in text}

    assert naming == set()


def test_no_committed_file_names_a_path_of_one_computer() -> None:
    """What is committed works in every clone."""
    naming = {
        f"{name}: {found.group()}"
        for name, text in committed()
        if name not in NAMES_A_PATH
        for found in PRIVATE_PATH.finditer(text)
    }

    assert naming == set()


def error_classes(root: type[errors.BridgeheadError]) -> Iterator[type[errors.BridgeheadError]]:
    """Give an error class and all below it."""
    yield root
    for below in root.__subclasses__():
        yield from error_classes(below)


def test_every_error_is_documented_with_its_exit_code() -> None:
    """`docs/errors.md` has a line `| code | exit | name |` for each class, and no other."""
    table = (ROOT / "docs" / "errors.md").read_text()
    documented = set(re.findall(r"^\| (BH\d{3}) \| (\d+) \| (\w+) \|", table, re.MULTILINE))
    declared = {
        (c.code, str(c.exit_code), c.__name__) for c in error_classes(errors.BridgeheadError)
    }

    assert documented == declared


def test_every_error_has_a_code_of_its_own() -> None:
    """A code leads to one entry of the docs."""
    codes = [c.code for c in error_classes(errors.BridgeheadError)]

    assert sorted(codes) == sorted(set(codes))


def test_every_error_is_in_the_drawn_tree() -> None:
    """The tree on top of errors.py is complete."""
    drawn = errors.__doc__ or ""

    assert {c.__name__ for c in error_classes(errors.BridgeheadError)} <= set(
        re.findall(r"\w+", drawn)
    )


def docs() -> str:
    """Give the text an operator can read: the README and all of docs/."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return "\n".join(page.read_text() for page in pages)


def module_or_skip(name: str) -> ModuleType:
    """Import a module; skip while it is not written. A module that fails to import is a failure."""
    path = PACKAGE / Path(*name.split(".")[1:]).with_suffix(".py")
    if not path.exists():
        pytest.skip(f"{name} is not written yet")
    return importlib.import_module(name)


def test_every_verb_and_option_is_documented() -> None:
    """Each verb of `provision` is shown in the docs as it is typed, and so is each option."""
    typer_main = pytest.importorskip("typer.main")
    face = module_or_skip("appliance.cli.verbs")
    verbs = typer_main.get_command(face.app).commands
    options = {o for verb in verbs.values() for p in verb.params for o in p.opts if o[0] == "-"}
    text = docs()

    assert verbs
    assert {v for v in verbs if not re.search(rf"`provision {re.escape(v)}\b", text)} == set()
    assert {o for o in options if not re.search(rf"`{re.escape(o)}\b", text)} == set()


def test_every_setting_is_documented() -> None:
    """Each key of the site file is named in the docs, alone or as the end of its path."""
    model = module_or_skip("appliance.site.model")
    settings = {
        field.alias or name
        for value in vars(model).values()
        if isinstance(value, type)
        and issubclass(value, BaseModel)
        and value.__module__ == model.__name__
        for name, field in value.model_fields.items()
    }
    text = docs()

    assert settings
    assert {s for s in settings if not re.search(rf"`(?:[\w.<>*]+\.)?{s}`", text)} == set()


def pure_files() -> list[Path]:
    """Give the files of the modules that the import contract calls pure."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = config["tool"]["importlinter"]["contracts"]
    (pure,) = (c for c in contracts if c["id"] == "pure")
    files: list[Path] = []
    for name in pure["source_modules"]:
        path = ROOT.joinpath(*name.split("."))
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    return files


def test_pure_modules_reach_no_file_and_no_randomness() -> None:
    """What import-linter cannot see in the pure modules: builtins, and parts of mixed modules."""
    banned = {
        *("open", "print", "input", "urllib.request", "urllib.request.urlopen"),
        *("uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4", "datetime.now", "datetime.datetime.now"),
    }
    found = {
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node.func)}"
        for path in pure_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in banned
    }

    assert found == set()


def test_rehearsals_are_where_the_suite_runner_looks() -> None:
    """What boots machines is in tests/lab/, run apart from the rest."""
    marked = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if "pytest.mark." + "rehearsal" in path.read_text()
    }

    assert {name for name in marked if not name.startswith("tests/lab/test_")} == set()


def test_at_most_three_rehearsals_are_in_the_gate() -> None:
    """Rehearsals take minutes each: a fourth is marked `long`."""
    files = sorted(str(path) for path in (ROOT / "tests" / "lab").glob("test_*.py"))
    if not files:
        pytest.skip("no rehearsal is written yet")
    options = ["-p", "no:cacheprovider", "--collect-only", "-q", "-m", "rehearsal and not long"]
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *files],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert collected.returncode == 0, collected.stdout
    assert 1 <= len(re.findall(r"^tests/lab/\S+::", collected.stdout, re.MULTILINE)) <= 3


def test_readme_opens_with_its_two_commands() -> None:
    """The first code block of the README is what `make test-clean` runs."""
    block = re.search(r"```\w*\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert block
    assert re.findall(r"^make (\S+)", block.group(1), re.MULTILINE) == ["rehearse", "test"]


def test_every_make_target_that_the_docs_name_exists() -> None:
    """A newcomer can type what the docs say."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", docs()))

    assert named
    assert named <= targets
