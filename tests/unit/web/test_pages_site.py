"""The pages of the site file."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from appliance.flow.looking import look_at
from appliance.flow.stocking import stock
from appliance.tools.interface import names
from appliance.web import pages_site
from appliance.web.pages_site import worded
from appliance.web.runs import Runs
from tests.plans import plan
from tests.unit.flow.test_stocking import medium
from tests.unit.web.wizard_world import SITE, Browser, World

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
THREE = (EXAMPLES / "three-node.yaml").read_text()
REMARKED = THREE.replace("site: harbour-east", "# Said by Ann.\nsite: harbour-east  # the port")


class Page(HTMLParser):
    """What a browser would send of a page's form, and what it shows.

    Without `form`, the address it is sent to, every form counts but that of a file.
    """

    def __init__(self, text: str, form: str = "") -> None:
        super().__init__()
        self._form = form
        self._here = True
        self.fields: dict[str, str] = {}
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.described: set[str] = set()
        self._area = ""
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the fields of a form."""
        has = {key: value or "" for key, value in attrs}
        if "id" in has:
            self.ids.append(has["id"])
        self.described |= set(has.get("aria-describedby", "").split())
        self.labels |= {has["for"]} if tag == "label" and "for" in has else set()
        if tag == "form":
            self._here = has.get("action", "") == self._form if self._form else "enctype" not in has
        if not self._here:
            return
        name = has.get("name", "")
        box = has.get("type") in ("checkbox", "radio")
        if tag == "input" and (not box or "checked" in has):
            self.fields[name] = has.get("value", "")
        elif tag == "textarea":
            self._area, self.fields[name] = name, ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in has:
            self.fields[self._select] = has["value"]

    def handle_data(self, data: str) -> None:
        """Take the text of an area."""
        if self._area:
            self.fields[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        """End an area: browsers leave the first line end out."""
        if tag == "textarea" and self._area:
            self.fields[self._area] = self.fields[self._area].removeprefix("\n")
            self._area = ""
        if tag == "select":
            self._select = ""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A wizard with a hand-written file."""
    path = tmp_path / "site.yaml"
    path.write_text(REMARKED)
    return World(tmp_path, path)


@pytest.fixture
def operator(world: World) -> Browser:
    """A browser that has signed in."""
    return world.operator()


def text_of(world: World) -> str:
    """The site file now."""
    assert world.site_file
    return world.site_file.read_text()


@pytest.mark.parametrize("path", ["/site", "/cluster"])
@pytest.mark.parametrize("example", ["three-node.yaml", "minimal.yaml", "lab-discover.yaml"])
def test_a_page_sent_back_as_it_came_changes_nothing(
    world: World, operator: Browser, path: str, example: str
) -> None:
    """As a browser without JavaScript sends it; remarks and unknown keys stay to the octet."""
    assert world.site_file
    text = (EXAMPLES / example).read_text() if example != "three-node.yaml" else REMARKED
    world.site_file.write_text(text)
    page = Page(operator.get(path).text)
    answer = operator.post(path, data=page.fields)

    assert answer.status_code == 303
    assert text_of(world) == text


@pytest.mark.parametrize("path", ["/site", "/cluster", "/review"])
def test_every_field_has_its_label_and_every_id_is_one(operator: Browser, path: str) -> None:
    """For those who hear the page."""
    text = operator.get(path).text
    page = Page(text)

    assert len(page.ids) == len(set(page.ids))
    assert page.labels <= set(page.ids)
    assert page.described <= set(page.ids)
    assert not re.search(r"\sstyle=|\son\w+=|<script(?![^>]*src=)", text)


def test_a_change_is_one_line_of_the_file(operator: Browser, world: World) -> None:
    """And the next page comes."""
    page = Page(operator.get("/site").text)
    answer = operator.post("/site", data={**page.fields, "hypervisor.vip": "10.20.0.9"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/artifacts")
    assert text_of(world) == REMARKED.replace("vip: 10.20.0.10", "vip: 10.20.0.9")


def test_a_refused_form_keeps_what_was_typed_and_leads_to_the_field(
    operator: Browser, world: World
) -> None:
    """With the command's sentence beside it."""
    page = Page(operator.get("/site").text)
    answer = operator.post("/site", data={**page.fields, "networks.main.cidr": "10.20.0.7/24"})

    assert answer.status_code == 422
    assert 'href="#networks.main.cidr"' in answer.text
    assert "write 10.20.0.0/24" in answer.text
    assert Page(answer.text).fields["networks.main.cidr"] == "10.20.0.7/24"
    assert text_of(world) == REMARKED


def test_what_is_typed_is_never_markup(operator: Browser) -> None:
    """Nor in the messages about it."""
    page = Page(operator.get("/site").text)
    answer = operator.post("/site", data={**page.fields, "site": "<script>alert(1)</script>"})

    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert str(worded("`a` <b>")) == "<code>a</code> &lt;b&gt;"


def test_the_interface_is_chosen_with_the_form(operator: Browser, world: World) -> None:
    """It is the laptop's, and so in no site file."""
    (first, *_) = names()
    page = Page(operator.get("/site").text)
    assert page.fields["interface"] == ""
    assert operator.post("/site", data={**page.fields, "interface": first}).status_code == 303
    assert world.deps.paths.web_interface.read_text() == first
    assert f'value="{first}" checked' in operator.get("/site").text
    assert text_of(world) == REMARKED

    refused = operator.post("/site", data={**page.fields, "interface": "gone0"})
    assert refused.status_code == 422
    assert "there is no network interface" in refused.text


def test_the_second_of_two_browsers_sees_what_changed(operator: Browser, world: World) -> None:
    """Nothing is overwritten; what was typed is named; sent again it is saved."""
    second = world.operator()
    page = Page(second.get("/site").text)
    first = Page(operator.get("/site").text).fields
    operator.post("/site", data={**first, "hypervisor.vip": "10.20.0.9"})
    answer = second.post("/site", data={**page.fields, "domain": "other.internal"})

    assert answer.status_code == 409
    assert "hypervisor.vip: 10.20.0.10 → 10.20.0.9" in answer.text
    assert "other.internal" in answer.text
    assert "domain: east.harbour.internal" in text_of(world)
    again = Page(answer.text).fields
    assert second.post("/site", data={**again, "domain": "other.internal"}).status_code == 303
    assert "vip: 10.20.0.9" in text_of(world)
    assert "domain: other.internal" in text_of(world)


def test_a_file_that_cannot_be_read_shows_where(operator: Browser, world: World) -> None:
    """And no form that would write over it."""
    assert world.site_file
    world.site_file.write_text("site: alpha\n\tdomain: x\n")
    for path in ("/site", "/cluster", "/review"):
        answer = operator.get(path)
        assert answer.status_code == 200
        assert "line 2" in answer.text.lower()
        assert 'name="digest"' not in answer.text


def test_a_site_begins_in_the_browser(tmp_path: Path) -> None:
    """From nothing to a review, by typing."""
    world = World(tmp_path, tmp_path / "site.yaml")
    operator = world.operator()
    page = Page(operator.get("/site").text)
    typed = {
        "site": "alpha",
        "hypervisor.harvester": "v1.8.2",
        "+hypervisor.machines": "node1, node2, node3",
    }
    assert operator.post("/site", data={**page.fields, **typed}).status_code == 303
    cluster = Page(operator.get("/cluster").text).fields
    cluster |= {"cluster.rke2": "v1.36.3+rke2r1", "+vms": "relay", "+vms.memory": "2G"}
    assert operator.post("/cluster", data=cluster).status_code == 303
    review = operator.get("/review").text

    assert text_of(world) == (
        "site: alpha\nhypervisor:\n  harvester: v1.8.2\n  machines:\n    node1: {}\n"
        "    node2: {}\n    node3: {}\ncluster:\n  rke2: v1.36.3+rke2r1\n"
        "vms:\n  relay:\n    memory: 2G\n"
    )
    assert "is not begun and will wait" in review
    assert "Nothing: no machine is armed" in review
    assert review.count("<svg class=") == 2


def test_an_empty_first_form_stays_with_its_fields_marked(tmp_path: Path) -> None:
    """What no site is without is asked for, each at its field; no file is begun."""
    world = World(tmp_path, tmp_path / "site.yaml")
    operator = world.operator()
    page = Page(operator.get("/site").text)
    answer = operator.post("/site", data=page.fields)

    assert answer.status_code == 422
    for name in ("site", "hypervisor.harvester", "+hypervisor.machines"):
        assert f'href="#{name}"' in answer.text
    assert "write site:" not in answer.text
    assert not (tmp_path / "site.yaml").exists()
    half = operator.post("/site", data={**page.fields, "site": "alpha"})
    assert half.status_code == 422
    assert 'href="#hypervisor.harvester"' in half.text


def text_has_three(world: World) -> None:
    """Have a site of three machines and nothing that runs on them."""
    assert world.site_file
    more = "".join(
        f'    hv{n}: {{mac: "52:54:00:00:00:0{n}", disk: /dev/disk/by-id/virtio-0{n}}}\n'
        for n in (2, 3)
    )
    world.site_file.write_text("".join(SITE.splitlines(keepends=True)[:-1]) + more)


def test_the_review_has_the_files_brought_before_it_asks_for_a_name(
    operator: Browser, world: World, tmp_path: Path
) -> None:
    """Nothing is typed for a run that would end at its second step; what goes is shown anyway."""
    text_has_three(world)
    without = operator.get("/review").text
    assert "files are missing" in without
    assert "/dev/disk/by-id/virtio-03" in without
    assert '<a class="button primary" href="/artifacts">Bring the files</a>' in without
    assert "Erase and begin" not in without
    assert Page(without).fields == {}

    stock(plan(), world.deps.paths, folder=medium(tmp_path / "medium"), accept_ipxe=True)
    page = operator.get("/review").text
    assert "Erase and begin" in page
    assert {"digest", "erase.hv1", "erase.hv2", "erase.hv3"} <= Page(page).fields.keys()


def test_the_review_says_that_nothing_was_touched_only_where_it_is_so(
    operator: Browser, world: World
) -> None:
    """After a run it says what another would do."""
    assert "Nothing has been touched yet." in operator.get("/review").text
    assert world.site_file
    with look_at(world.site_file, world.deps.paths).writing() as context:
        context.journal.begin_run("1", "eth1")
    page = operator.get("/review").text
    assert "Nothing has been touched" not in page
    assert "What a run would do now: the site as it will be built" in page
    world.site_file.write_text("site: 7")  # whose run that was is not known
    assert "Nothing has been touched" not in operator.get("/review").text


def test_the_review_names_a_fault_once_and_as_its_page_does(
    operator: Browser, world: World
) -> None:
    """No key of the file where a field has a name."""
    assert world.site_file
    world.site_file.write_text(REMARKED.replace("vip: 10.20.0.10", "vip: 10.99.0.1"))
    page = operator.get("/review").text
    assert '<a href="/site#hypervisor.vip">This site: Harvester’s address</a>, line' in page
    assert page.count("10.99.0.1 is not in 10.20.0.0/24") == 1
    assert ">hypervisor.vip<" not in page
    assert "harvester/harvester#" not in page
    elsewhere = operator.get("/cluster").text
    assert '<a href="/site#hypervisor.vip">This site: Harvester’s address</a>' in elsewhere


def test_the_clock_is_asked_about_where_nobody_keeps_it(
    operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the page says where it is confirmed."""
    for kept, words in ((True, "a time service keeps"), (False, "say so on the page Review")):
        monkeypatch.setattr(pages_site, "synchronised", lambda kept=kept: kept)
        assert words in operator.get("/site").text


def test_the_review_is_begun_by_typing_every_name(
    operator: Browser, world: World, tmp_path: Path
) -> None:
    """A run is started for the plan that was shown, and for no other."""
    text_has_three(world)
    runs = Runs(world.deps.paths, program=[sys.executable, "-c", "import time; time.sleep(0.1)"])
    world = World(tmp_path / "other", world.site_file)
    object.__setattr__(world.deps, "runs", runs)
    operator = world.operator()
    stock(plan(), world.deps.paths, folder=medium(tmp_path / "medium"), accept_ipxe=True)
    fields = Page(operator.get("/review").text).fields
    assert operator.post("/review", data={**fields, "clock": "yes"}).status_code == 422

    names = {f"erase.{name}": name for name in ("hv1", "hv2", "hv3")}
    answer = operator.post("/review", data={**fields, **names, "erase.hv3": "hv2", "clock": "yes"})
    assert answer.status_code == 422
    assert 'href="#erase.hv3"' in answer.text
    assert 'href="#erase.hv2"' not in answer.text

    stale = operator.post("/review", data={**fields, **names, "clock": "yes", "digest": "0" * 64})
    assert stale.status_code == 409
    answer = operator.post("/review", data={**fields, **names, "clock": "yes"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/run")


def test_a_broken_file_cannot_be_begun(operator: Browser, world: World) -> None:
    """The review leads to each field instead."""
    assert world.site_file
    world.site_file.write_text(REMARKED.replace("servers: 3", "servers: 2"))
    text = operator.get("/review").text

    assert 'href="/cluster#cluster.servers"' in text
    assert "1 of" in text
    assert '<form method="post" class=' not in text
    assert operator.post("/review", data={"digest": "x"}).status_code in (409, 422)


def test_the_file_is_there_to_be_kept(operator: Browser) -> None:
    """To the octet."""
    assert operator.get("/site.yaml").data.decode() == REMARKED


@pytest.mark.parametrize("path", ["/site", "/cluster", "/review", "/site.yaml"])
def test_nobody_sees_a_page_before_signing_in(world: World, path: str) -> None:
    """They are led to the door."""
    world.with_password()
    answer = world.client().get(path)
    assert answer.status_code in (302, 303)
    assert answer.headers["Location"].startswith("/login")


def test_another_sites_page_cannot_save(operator: Browser, world: World) -> None:
    """A forged post changes nothing."""
    fields = Page(operator.get("/site").text).fields
    answer = operator.post(
        "/site",
        data={**fields, "hypervisor.vip": "10.20.0.9"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert text_of(world) == REMARKED


def opened(operator: Browser, text: bytes, *, replace: bool = False, digest: str = "") -> Any:
    """Send a file as a browser does."""
    shown = Page(operator.get("/site").text, "/site/open").fields["instead_of"]
    sent: dict[str, Any] = {"instead_of": digest or shown, "file": (BytesIO(text), "mine.yaml")}
    sent |= {"replace": "yes"} if replace else {}
    return operator.post("/site/open", data=sent, content_type="multipart/form-data")


def test_a_file_is_opened_where_none_is(tmp_path: Path) -> None:
    """To the octet; no box is asked for that would have no meaning."""
    world = World(tmp_path, tmp_path / "site.yaml")
    operator = world.operator()
    assert 'name="replace"' not in operator.get("/site").text
    answer = opened(operator, REMARKED.encode())
    assert (answer.status_code, answer.headers["Location"]) == (303, "/site?said=taken")
    assert text_of(world) == REMARKED
    assert "The site file is taken" in operator.get("/site?said=taken").text
    assert [each.name for each in tmp_path.glob("site.yaml*")] == ["site.yaml"]


def test_a_file_that_is_here_is_put_aside_only_if_that_is_said(
    operator: Browser, world: World, tmp_path: Path
) -> None:
    """The old one is kept beside the new one, with its mode."""
    assert world.site_file
    world.site_file.chmod(0o600)
    other = REMARKED.replace("harbour-east", "harbour-west")
    refused = opened(operator, other.encode())
    assert refused.status_code == 422
    assert "there is a site file already" in refused.text
    assert 'id="replace-wrong"' in refused.text
    assert text_of(world) == REMARKED
    assert opened(operator, other.encode(), replace=True).status_code == 303
    assert text_of(world) == other
    (kept,) = tmp_path.glob("site.yaml.before-*")
    assert kept.read_text() == REMARKED
    assert kept.stat().st_mode & 0o777 == 0o600
    assert opened(operator, other.encode()).status_code == 303  # the very same: nothing to do
    assert list(tmp_path.glob("site.yaml.before-*")) == [kept]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no file was chosen"),
        (b"\xff\xfe", "not UTF-8 text"),
        (b"site: alpha\n\tdomain: x\n", "Line 2"),
        (b"&a [*a, *a]", "Line 1"),
        (REMARKED.replace("servers: 3", "servers: 2").encode(), "cluster.servers"),
    ],
)
def test_a_file_that_is_not_right_is_refused_with_all_that_is_wrong(
    operator: Browser, world: World, text: bytes, said: str
) -> None:
    """And its places; nothing is changed."""
    answer = opened(operator, text, replace=True)
    assert answer.status_code in (413, 422)
    assert said in answer.text
    assert text_of(world) == REMARKED


def test_a_file_that_is_too_large_is_not_even_read(operator: Browser, world: World) -> None:
    """With one sentence."""
    kind = "multipart/form-data; boundary=x"
    answer = operator.post("/site/open", data=b"x" * (1 + (1 << 20)), content_type=kind)
    assert answer.status_code == 413
    assert "what was sent is too large" in answer.text
    assert text_of(world) == REMARKED


def test_every_problem_of_a_file_is_named_with_its_place(operator: Browser) -> None:
    """In one go, as the command does."""
    text = REMARKED.replace("servers: 3", "servers: 2").replace("domain:", "domian:")
    answer = opened(operator, text.encode(), replace=True)
    assert len(re.findall(r"<li>Line \d+, column \d+: <code>", answer.text)) >= 2
    assert (
        "<script"
        not in opened(operator, b"<script>: x", replace=True)
        .text.split("<main")[1]
        .split("</details>")[0]
    )


def test_a_file_is_not_opened_over_one_that_changed_meanwhile(
    operator: Browser, world: World
) -> None:
    """What stands there now was seen by nobody who says so."""
    answer = opened(operator, REMARKED.encode() + b"# more\n", replace=True, digest="0" * 64)
    assert answer.status_code == 409
    assert "was changed meanwhile" in answer.text
    assert text_of(world) == REMARKED
