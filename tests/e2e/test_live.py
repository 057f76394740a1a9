"""The live page in a headless Chromium: what it shows is what is, and everybody can use it."""
from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Callable, Iterator

import pytest

from tests.servers.browser import PROGRAM, Browser, Page
from tests.servers.wait import eventually

from .bridge import Bridge, http_get
from .config import Config, component, resource

HOSTILE = '<img src=x onerror="document.title=1">'
CARD = "article.subscription "


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not PROGRAM:
        pytest.skip("no Chromium is installed; run: tools/install-packages browser")
    b = Browser(tmp_path_factory.mktemp("browser")).start()
    yield b
    b.close()


@pytest.fixture
def look(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens the page of a bridge; whatever a test does, no script fails and nothing is asked of anybody else."""
    opened: list[tuple[Page, str]] = []

    def make(b: Bridge, width: int = 1280, height: int = 1200, **features: str) -> Page:
        origin = f"http://127.0.0.1:{b.admin_port}/"
        eventually(lambda: http_get(b.admin_port, "/healthz")[0] == 200, 20)
        opened.append((browser.page().size(width, height).prefer(**features), origin))
        return opened[-1][0].open(origin)

    yield make
    for page, origin in opened:
        assert page.requests and all(r.startswith(origin) for r in page.requests if not r.startswith("data:"))
        assert not [f for f in page.faults if "/live/events" not in f and "ERR_CONNECTION" not in f], page.faults
        page.close()


def number(page: Page, what: str, card: str = CARD) -> int | None:
    """None: it is not a number there."""
    text = page.text(f"{card}[data-is={what}]").replace(",", "")
    return int(text) if text.isdigit() else None


def line(page: Page) -> str:
    return page.run(f"document.querySelector('{CARD}path.line').getAttribute('d') ?? ''")


def last_end(page: Page, path: str) -> int:
    """Where the last run of that sort ends, in seconds from the left."""
    d = page.run(f"document.querySelector('{CARD}path.{path}').getAttribute('d') ?? ''")
    return max(map(int, re.findall(r"H(\d+)", d)), default=0)


def last_height(page: Page) -> float | None:
    """Of the chart's line at now: 100 is the ground; None: it does not reach it."""
    d = line(page)
    points = d.replace("M", "L").split("L")
    return float(points[-1].split("H")[0].split()[1]) if d else None


def test_at_rest_the_page_says_what_the_metrics_say(kafka, function, read, ledger, look):
    topic = kafka.create(partitions=2)
    dead = kafka.create(kafka.new_name("dead"), partitions=1)
    ids = ledger.produce(kafka, topic, 500)
    function.behave({"do": "ok", "status": 422, "id": ids[3]}, {"do": "ok", "status": 422, "id": ids[7]})
    b = read(topic, deadLetterTopic=dead, retryMaxAttempts=2, retryInitialInterval="10ms").ready()
    page = look(b)
    eventually(lambda: number(page, "delivered") == 498 and number(page, "inflight") == 0, 60)
    for what in ("received", "delivered", "retries", "parked"):
        assert number(page, what) == b.count(f"{what}_total"), what
    eventually(lambda: b.metrics().sum("bridge_partition_lag", topic=topic) == 0, 20, "the broker tells it")
    eventually(lambda: number(page, "lag") == 0, 20)
    assert page.text(f"{CARD}[data-is=topic]") == topic and page.text(f"{CARD}[data-is=route]") == "/orders"
    assert page.text("h2") == "shop" and page.text("section.function header [data-is=state]") == "ready"
    rows = page.run("[...document.querySelectorAll('.reasons tbody tr')].map(r => r.innerText)")
    assert len(rows) == 2 and any("parked" in r and "422" in r and "2" in r for r in rows), rows


def test_lag_rises_and_falls(kafka, function, read, ledger, look):
    topic = kafka.create(partitions=1)
    function.behave({"do": "hang"})
    b = read(topic, order="none").ready()
    page = look(b)
    eventually(lambda: number(page, "lag") == 0, 30)
    ledger.produce(kafka, topic, 3000)
    eventually(lambda: number(page, "lag") == 3000, 30)
    eventually(lambda: (last_height(page) or 100) < 50, 10, "the chart's line is up")
    assert number(page, "sending") > 0
    function.behave()
    function.release()
    eventually(lambda: number(page, "lag") == 0 and number(page, "delivered") == 3000, 60)
    eventually(lambda: last_height(page) == 100, 10, "the chart's line is down")
    ledger.check(function)


def test_lag_that_is_not_known_is_a_gap_and_a_word(own_kafka, function, read, ledger, look):
    topic = own_kafka.create(partitions=1)
    b = read(topic, own_kafka).ready()
    ledger.produce(own_kafka, topic, 10)
    page = look(b)
    eventually(lambda: number(page, "lag") == 0 and number(page, "delivered") == 10, 30)
    own_kafka.kill9()
    eventually(lambda: page.text(f"{CARD}[data-is=lag]") == "unknown", 60)
    now = int(page.run("document.querySelector('input[type=range]').max")) + 1
    eventually(lambda: last_end(page, "unknown") == now and last_end(page, "line") < now, 10, "the line ends in a gap")
    assert page.text(".components [data-is=state]") == "down"
    assert "127.0.0.1" in page.text(".components [data-is=error]")
    assert page.text("section.function header [data-is=state]") == "not ready"
    eventually(lambda: "down" in page.text("#said") or "not ready" in page.text("#said"), 5, "it is said aloud")
    own_kafka.restart()
    eventually(lambda: number(page, "lag") == 0, 60)
    assert page.text(".components [data-is=state]") == "up"


def test_a_hostile_topic_is_text(function, bridge, look):
    memory = component("shop", "pubsub.in-memory", {})
    spec = {"pubsubname": "shop", "topic": HOSTILE, "routes": {"default": "/new"}}
    config = Config(function={"address": function.address})
    config.documents += [memory, resource("dapr.io/v2alpha1", "Subscription", "hostile", spec)]
    page = look(bridge(config).start().ready())
    eventually(lambda: page.text(f"{CARD}[data-is=topic]") == HOSTILE, 20)
    assert page.run("document.querySelectorAll('img').length") == 0
    assert page.text("title") == "shop · bridge"


@pytest.fixture
def flowing(kafka, function, read, ledger) -> Bridge:
    """A bridge of one subscription, five events delivered."""
    topic = kafka.create(partitions=1)
    b = read(topic).ready()
    ledger.produce(kafka, topic, 5)
    ledger.wait(function)
    return b


def test_a_phone_shows_it_without_scrolling_sideways(flowing, look):
    page = look(flowing, width=360, height=800)
    eventually(lambda: number(page, "delivered") == 5, 20)
    assert page.run("document.documentElement.scrollWidth") == 360
    wide = "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > 361).length"
    assert page.run(wide) == 0


def contrast(page: Page, selector: str) -> float:
    """Of a text with the card behind it, as WCAG counts it."""
    script = f"""(() => {{
      const light = (color) => {{
        const [r, g, b] = color.match(/[\\d.]+/g).map((c) => (c /= 255, c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      }};
      const node = document.querySelector({json.dumps(selector)});
      const a = light(getComputedStyle(node).color), b = light(getComputedStyle(node.closest('article')).backgroundColor);
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }})()"""
    return page.run(script)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_both_be_read(flowing, look, scheme):
    page = look(flowing, color_scheme=scheme)
    eventually(lambda: number(page, "delivered") == 5, 20)
    red = page.run("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
    assert (red < 60) == (scheme == "dark")
    for selector in (f"{CARD}h3", f"{CARD}[data-is=delivered]", f"{CARD}dt", f"{CARD}figcaption"):
        assert contrast(page, selector) >= 4.5, selector


def test_the_keyboard_reaches_everything(flowing, look):
    page = look(flowing)
    eventually(lambda: number(page, "delivered") == 5, 20)
    walked = []
    for _ in range(12):
        page.press("Tab")
        walked.append(page.run("document.activeElement.id || document.activeElement.type || document.activeElement.hash"
                               " || document.activeElement.pathname || document.activeElement.tagName"))
    assert walked[:3] == ["#main", "pause", "range"], walked
    assert "/metrics" in walked and "/readyz" in walked
    page.run("document.querySelector('input[type=range]').focus()")
    page.press("ArrowLeft")
    said = page.run("document.querySelector('input[type=range]').getAttribute('aria-valuetext')")
    assert said.startswith("1 s ago: "), said
    assert page.text(f"{CARD}.read").startswith("1 s ago: ")
    assert page.run("getComputedStyle(document.querySelector('.plot')).outlineStyle") == "solid", "focus is seen"


def test_a_screen_reader_finds_its_way(flowing, look):
    page = look(flowing)
    eventually(lambda: number(page, "delivered") == 5, 20)
    assert page.names("banner") and page.names("main") and page.names("contentinfo")
    assert "Function shop" in page.names("region")
    assert any(name.endswith(" to /orders") for name in page.names("article"))
    assert "Components" in page.names("table")
    assert {"component", "connection"} <= set(page.names("columnheader"))
    assert "orders" in page.names("rowheader")
    assert page.names("slider") == ["Lag, second by second"]
    assert page.names("button") == ["Pause"]
    assert page.run("document.querySelector('#said').getAttribute('aria-live')") == "polite"


def test_who_wants_no_motion_gets_none(flowing, look):
    still = look(flowing, reduced_motion="reduce")
    eventually(lambda: number(still, "delivered") == 5, 20)
    assert still.run("document.getAnimations().length") == 0
    moving = look(flowing, reduced_motion="no-preference")
    eventually(lambda: number(moving, "delivered") == 5, 20)
    assert moving.run("document.getAnimations().length") == 2
    rates = "document.getAnimations().map(a => a.playbackRate)"
    eventually(lambda: moving.run(rates) == [0, 0], 20, "without events nothing moves")


def test_paused_it_stands_still_and_then_catches_up(kafka, function, read, ledger, look):
    topic = kafka.create(partitions=1)
    b = read(topic).ready()
    page = look(b)
    eventually(lambda: number(page, "delivered") == 0, 20)
    page.run("document.querySelector('#pause').click()")
    assert page.text("#stream") == "paused"
    ledger.produce(kafka, topic, 5)
    ledger.wait(function)
    assert number(page, "delivered") == 0
    page.run("document.querySelector('#pause').click()")
    eventually(lambda: number(page, "delivered") == 5 and page.text("#stream") == "live", 20)


def test_it_comes_back_when_bridge_was_started_again(flowing, look):
    page = look(flowing)
    eventually(lambda: number(page, "delivered") == 5, 20)
    flowing.sigterm()
    flowing.wait()
    eventually(lambda: page.text("#stream") in ("ended", "reconnecting"), 20)
    assert page.run("document.body.classList.contains('stale')")
    flowing.start().ready()
    eventually(lambda: page.text("#stream") == "live" and number(page, "delivered") == 0, 30)
    assert page.run("document.querySelectorAll('article').length") == 1
    assert not page.run("document.body.classList.contains('stale')")


def test_an_open_page_does_not_hold_up_a_drain(flowing, look):
    page = look(flowing)
    eventually(lambda: page.text("#stream") == "live", 20)
    flowing.stop(within=10)


def test_others_than_browsers_find_metrics_at_the_root(flowing):
    status, text = http_get(flowing.admin_port, "/")
    assert status == 200 and "bridge_subscription_delivered_total" in text
    request = urllib.request.Request(f"http://127.0.0.1:{flowing.admin_port}/", headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert "<!doctype html>" in answer.read().decode()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in answer.headers
