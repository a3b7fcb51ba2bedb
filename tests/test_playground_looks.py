"""How the playground can be seen and used: widths, themes, contrast, keys, names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import needs_browser, opened, running, served, wait_until

from fastnn.playground import Playground, columns_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    needs_browser()
    with served("native") as address:
        yield address


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    made = opened(browser.new_page(viewport={"width": 1200, "height": 900}), url)
    yield made
    faults = made.faults
    made.close()
    assert faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1600])
def test_it_fits_the_screen(browser: Any, url: str, width: int, theme: str) -> None:
    """No scrolling sideways, even with six full layers and everything open; nothing is cut off."""
    made = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=theme)
    opened(made, url + "#layers=8+8+8+8+8+8&features=x1+x2+x1x1+x2x2+x1x2+sinx1+sinx2")
    for name in ("nine", "hand", "export"):
        made.click(f"#{name} > summary")
    for data in ("table", "drawn"):
        made.select_option("#data", data)
        made.wait_for_timeout(100)
        assert made.evaluate("document.documentElement.scrollWidth") <= width
        cut = made.evaluate(
            """() => [...document.querySelectorAll("button, label, select, input, dd, h2, p")]
                .filter(e => e.offsetParent && !e.closest("#scroll, #trace"))
                .filter(e => e.getBoundingClientRect().right > innerWidth + 1
                          || e.scrollWidth > e.clientWidth + 1 && e.tagName === "BUTTON")
                .map(e => e.id || e.textContent)"""
        )
        assert cut == []
    assert made.get_attribute("html", "data-theme") == theme
    made.close()


CONTRAST = """(names) => {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const parts = style.getPropertyValue(`--${name}`).match(/[\\da-f]{2}/gi)
      .map(x => parseInt(x, 16) / 255)
      .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  return names.map(([a, b]) => {
    const [x, y] = [light(a), light(b)];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  });
}"""
TEXTS = [("text", "panel"), ("text", "ground"), ("muted", "panel"), ("muted", "ground"),
         ("on-accent", "accent"), *((f"series{i}", "panel") for i in range(1, 5))]  # fmt: skip
SHAPES = [("negative", "panel"), ("positive", "panel"), ("accent", "panel")]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(page: Any, theme: str) -> None:
    """WCAG 2.2: 4.5 for text, 3 for lines that say something."""
    page.emulate_media(color_scheme=theme)
    wait_until(page, f"document.documentElement.dataset.theme === '{theme}'")
    for pairs, least in ((TEXTS, 4.5), (SHAPES, 3)):
        found = dict(zip(pairs, page.evaluate(CONTRAST, pairs)))
        assert {pair: ratio for pair, ratio in found.items() if ratio < least} == {}


def test_the_button_of_the_theme(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    wait_until(page, "document.documentElement.dataset.theme === 'dark'")
    seen = []
    for _ in range(3):
        page.click("#theme")
        seen.append((page.inner_text("#theme"), page.get_attribute("html", "data-theme")))
    assert seen == [
        ("Theme: light", "light"), ("Theme: dark", "dark"), ("Theme: system", "dark"),
    ]  # fmt: skip


FOCUS = """() => {
  const e = document.activeElement;
  const style = getComputedStyle(e);
  if (e === document.body) return null;
  return [e.id || e.getAttribute("aria-label") || e.textContent.trim(), style.outlineStyle];
}"""
SHOWN = """() => [...document.querySelectorAll(
    "button, select, input, summary, a, [tabindex='0']")]
  .filter(e => e.checkVisibility() && !e.disabled && !(e.type === "radio" && !e.checked))
  .map(e => e.id || e.getAttribute("aria-label") || e.textContent.trim())"""


def test_all_of_it_is_reached_by_keys(page: Any) -> None:
    page.select_option("#data", "drawn")
    page.click("#export > summary")
    page.wait_for_timeout(100)
    shown = set(page.evaluate(SHOWN))
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    reached, outlines = [], set()
    for _ in range(2 * len(shown) + 4):  # once round, from wherever it begins
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUS)
        if found is not None:
            reached.append(found[0])
            outlines.add(found[1])
    assert shown - set(reached) == set()
    assert outlines == {"solid"}


def test_keys_train_and_change(page: Any) -> None:
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("s")
    wait_until(page, "playground.frame.step === 1")
    page.keyboard.press(" ")
    wait_until(page, "playground.playing && playground.frame.step > 3")
    page.keyboard.press(" ")
    wait_until(page, "!playground.playing")
    page.keyboard.press("r")
    wait_until(page, "playground.frame.step === 0")
    page.focus("#more")
    page.keyboard.press("Enter")
    wait_until(page, "playground.settings.layers.length === 3")
    page.focus('[aria-label="Layer 3: a unit more"]')
    page.keyboard.press(" ")
    wait_until(page, "playground.settings.layers[2] === 3")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == (
        "Layer 3: a unit more"
    )
    page.focus("#lr")
    page.keyboard.press("s")  # in a field a letter is a letter
    page.wait_for_timeout(100)
    assert page.evaluate("playground.frame.step") == 0


def test_everything_has_a_name(page: Any) -> None:
    """As a screen reader has it: each control and picture a name, each landmark one too."""
    page.click("#nine > summary")
    page.click("#hand > summary")
    page.wait_for_timeout(500)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(
             "button, input, select, canvas[role=img], section, form, [role=region], [role=group]")]
           .filter(e => e.offsetParent)
           .filter(e => !(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby")
             || e.labels?.length || e.textContent.trim()))
           .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
    page.click("#step")
    page.wait_for_timeout(200)
    for name, word in (("field", "test points right"), ("losses", "training"),
                       ("norms", "layer 1"), ("histograms", "layer 1 from")):  # fmt: skip
        assert word in page.get_attribute(f"#{name}", "aria-label")
    assert page.get_attribute("#message", "aria-live") == "polite"
    assert page.get_attribute("html", "lang") == "en"


def test_a_weight_is_read_where_one_points(page: Any) -> None:
    middle = page.evaluate(
        """() => { const {from, to, weight} = playground.diagram.drawn[0];
             const box = document.getElementById("lines").getBoundingClientRect();
             return [box.left + (from.right + to.left) / 2, box.top + (from.y + to.y) / 2,
                     weight.toPrecision(4)]; }"""
    )
    page.mouse.move(*middle[:2])
    assert page.inner_text("#weight") == f"Weight {middle[2]}"
    page.mouse.move(5, 5)


def test_the_table_of_the_command(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "flowers.csv"
    path.write_text("a,b,c\n" + "".join(f"{i},{i * i % 9},{i % 2}\n" for i in range(20)))
    with running(Playground(0, columns_of(str(path), x="b", y="c", target="a"))) as server:
        made = opened(browser.new_page(), server.url)
        shown = "#column-{} option:checked"
        chosen = [made.inner_text(shown.format(part)) for part in ("x", "y", "target")]
        assert chosen == ["b", "c", "a"]
        assert made.evaluate("playground.points.train.length") == 10
        made.close()
        server.shutdown()
