"""A field engineer's day, in a real browser: from nothing to "safe to unplug" by clicks alone."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from appliance.lab.rehearsal import Rehearsal
from appliance.lab.rehearse import media, stage1
from appliance.site.plan import Plan
from appliance.tools.detached import Detached
from tests.lab.operating import ready_nodes
from tests.lab.rehearsing import staged

pytestmark = [
    pytest.mark.root,
    pytest.mark.rehearsal,
    pytest.mark.long,
    pytest.mark.timeout(3600),
]

_SITE = """\
site: lab-web
networks:
  main: {cidr: 10.77.6.0/24, gateway: 10.77.6.1}
hypervisor:
  harvester: v1.8.2
  accept_small_hardware: true
  machines:
    hv1: {firmware: uefi}
cluster: {rke2: v1.36.3+rke2r1, servers: 3, agents: 1}
vms:
  app1: {cpus: 1, memory: 640M, disk: 4G}
staging: {images: [site-hello.oci.tar]}
lab: {memory: 3G, cpus: 2, disk: 12G}
"""
_URL = "http://127.0.0.1:8421"
_PASSWORD = "four plain words here"
_SMALL = {"cpus": "1", "memory": "640M", "disk": "4G"}
_CHROMIUM = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_RUN_MINUTES = 30


def test_a_site_by_clicks_and_typing(tmp_path: Path) -> None:
    """Nothing is there at first: no site file, no files, no machine that anybody knows."""
    reference = tmp_path / "reference.yaml"
    reference.write_text(_SITE, "utf-8")
    with staged(str(reference)) as rehearsal, _wizard(rehearsal) as code:
        stick = _stick(rehearsal)
        with _browser(rehearsal, tmp_path) as page:
            _first_contact(page, code)
            _site(page)
            page.goto(f"{_URL}/cluster")
            _cluster(page)
            _files(page, stick)
            page.goto(f"{_URL}/review")
            for box in page.locator("main form input[type=checkbox]").all():
                box.check()
            page.locator("main form button").last.click()
            page.wait_for_url("**/run")
            fourth = page.locator("li", has_text="Install the machines")
            expect(fourth).not_to_contain_text("to do", timeout=120_000)
            rehearsal.power_on()
            _approve(page, rehearsal)
            page.goto(f"{_URL}/run")
            _until_safe(page)
            with page.expect_download() as told:
                page.get_by_role("button", name="Get the kubeconfig").click()
            kubeconfig = tmp_path / "kubeconfig"
            told.value.save_as(kubeconfig)
        assert ready_nodes(rehearsal, kubeconfig) == {"server1", "server2", "server3", "agent1"}


@contextmanager
def _wizard(rehearsal: Rehearsal) -> Iterator[str]:
    """Start `provision web` on the laptop without any site file; give its one-time code."""
    network = rehearsal.network
    log = rehearsal.folder / "wizard.log"
    words = ["-m", "appliance.cli", "web", "--state", str(rehearsal.folder / "wizard")]
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*network.exec_prefix(network.appliance), sys.executable, *words], stdout=said
        )
    try:
        end = time.monotonic() + 60
        while (found := re.search(r"one-time code:\s+(\S+)", log.read_text("utf-8"))) is None:
            assert time.monotonic() < end, log.read_text("utf-8")
            time.sleep(0.2)
        yield found.group(1)
    finally:
        process.terminate()
        process.wait(30)
        _end_run(rehearsal.folder / "wizard" / "lab-web" / "web-run.jsonl")


def _end_run(log: Path) -> None:
    """A run outlives the wizard: where the test failed in its middle, it is ended here."""
    pid = Detached(log).pid() if log.exists() else None
    if pid is not None:
        os.kill(pid, signal.SIGINT)
        end = time.monotonic() + 60
        while Detached(log).pid() is not None and time.monotonic() < end:
            time.sleep(0.2)


def _stick(rehearsal: Rehearsal) -> Path:
    """Put all files of the site into one folder, as on a stick."""
    stick = rehearsal.folder / "stick"
    stick.mkdir()
    plan: Plan = rehearsal.plan
    own = stage1(plan)
    for folder in (*media(plan), *((own,) if own else ())):
        for file in folder.iterdir():
            if file.is_file() and not (stick / file.name).exists():
                os.link(file, stick / file.name)
    return stick


@contextmanager
def _browser(rehearsal: Rehearsal, folder: Path) -> Iterator[Page]:
    """Give a page of a browser that runs on the laptop."""
    network = rehearsal.network
    program = folder / "chromium"
    prefix = " ".join(network.exec_prefix(network.appliance))
    program.write_text(f'#!/bin/sh\nexec {prefix} /usr/bin/chromium "$@"\n', "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_CHROMIUM))
        page = browser.new_page()
        page.set_default_timeout(60_000)
        try:
            yield page
        finally:
            page.screenshot(path=rehearsal.folder / "last-page.png", full_page=True)
            browser.close()


def _first_contact(page: Page, code: str) -> None:
    page.goto(_URL)
    page.fill("input[name=code]", code)
    for field in page.locator("input[type=password]").all():
        field.fill(_PASSWORD)
    page.locator("main form button").first.click()
    page.wait_for_url("**/site")


def _fill(page: Page, fields: dict[str, str]) -> None:
    for name, text in fields.items():
        field = page.locator(f'[name="{name}"]')
        if field.evaluate("each => each.tagName") == "SELECT":
            field.select_option(text)
        else:
            field.fill(text)


def _onward(page: Page) -> None:
    page.get_by_role("button", name="Save and go on").click()


def _site(page: Page) -> None:
    main = {"cidr": "10.77.6.0/24", "gateway": "10.77.6.1"}
    _fill(page, {"site": "lab-web", "hypervisor.harvester": "v1.8.2"})
    _fill(page, {f"networks.main.{key}": text for key, text in main.items()})
    _fill(page, {"+hypervisor.machines": "hv1"})
    page.check('[type=checkbox][name="hypervisor.accept_small_hardware"]')
    _onward(page)
    page.wait_for_url("**/artifacts")


def _cluster(page: Page) -> None:
    _fill(page, {"cluster.rke2": "v1.36.3+rke2r1", "cluster.servers": "3", "cluster.agents": "1"})
    for part in ("cluster.sizes.servers", "cluster.sizes.agents", "staging"):
        _fill(page, {f"{part}.{key}": text for key, text in _SMALL.items()})
    _fill(page, {"staging.images": "site-hello.oci.tar"})
    for each in page.locator("main details:not([open]) > summary").all():
        each.click()
    _fill(page, {"+vms": "app1", **{f"+vms.{key}": text for key, text in _SMALL.items()}})
    _onward(page)
    page.wait_for_url("**/review")


def _files(page: Page, stick: Path) -> None:
    page.goto(f"{_URL}/artifacts")
    page.fill('[name="folder"]', str(stick))
    page.get_by_role("button", name="Bring the files").click()
    expect(page.locator("main")).to_contain_text("All that is needed is here", timeout=300_000)


def _approve(page: Page, rehearsal: Rehearsal) -> None:
    (mac,) = rehearsal.machines["hv1"].spec.macs
    page.goto(f"{_URL}/machines")
    card = page.locator("article", has_text=str(mac))
    disk = card.get_by_role("radio", name="/dev/disk/by-id/virtio-hv1-0")
    disk.check(timeout=300_000)
    card.get_by_role("button", name="Approve").click()
    expect(page.locator("main")).to_contain_text("Nobody waits to be approved")


def _until_safe(page: Page) -> None:
    end = time.monotonic() + _RUN_MINUTES * 60
    while True:
        page.goto(f"{_URL}/done")
        if page.get_by_role("heading", name="Safe to unplug").count():
            return
        assert time.monotonic() < end, page.locator("main").inner_text()
        page.wait_for_timeout(5_000)
