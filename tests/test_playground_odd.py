"""The playground used in odd orders: the page says what is so, and no former net stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from browser import needs_browser, opened, running, wait_until

from fastnn.playground import Playground

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Playground]:
    needs_browser()
    with running(Playground(0)) as made:
        yield made


@pytest.fixture
def page(browser: Any, server: Playground) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    made = opened(context.new_page(), server.url)
    yield made
    faults = made.faults
    context.close()
    assert faults == []  # console messages too: no call fails


def fill(page: Any, selector: str, value: str) -> None:
    page.fill(selector, value)
    page.locator(selector).blur()


def says(page: Any, words: str) -> None:
    wait_until(page, f"document.getElementById('message').textContent.includes('{words}')")


def table(page: Any, text: str, name: str = "t.csv") -> None:
    page.select_option("#data", "table")
    file = {"name": name, "mimeType": "text/csv", "buffer": text.encode()}
    page.set_input_files("#file", files=[file])


ROWS = "a,b,c\n" + "".join(f"{i},{i * i % 7},{i}\n" for i in range(20))
LABELS = "playground.points.train.concat(playground.points.test).map(p => p.label)"


def test_all_of_it_may_change_while_it_trains(page: Any) -> None:
    page.click("#nine > summary")
    page.click("#play")
    for _ in range(4):
        page.click("#more")
    for name in ("seed", "lr", "width", "batch", "l2") * 3:
        page.select_option("#varied", name)
    for _ in range(5):
        page.click("#less")
    page.select_option("#problem", "regression")
    page.select_option("#data", "hills")
    page.select_option("#optimizer", "rprop")
    for width in (320, 1600, 700):
        page.set_viewport_size({"width": width, "height": 600})
    wait_until(page, "playground.playing && playground.frame.step > 20")
    wait_until(page, "playground.population.nets.length === 9")
    assert page.inner_text("#message") == ""


def test_without_points_nothing_of_the_former_net_stays(page: Any) -> None:
    for name in ("nine", "hand", "export"):
        page.click(f"#{name} > summary")
    wait_until(page, "document.querySelectorAll('#trace table').length === 6")
    page.click("#step")
    page.select_option("#data", "drawn")
    says(page, "No points yet: draw two or more.")
    wait_until(page, "playground.population.nets.length === 0")
    assert page.inner_text("#population") == page.inner_text("#trace") == ""
    assert [page.inner_text(f"#{name}") for name in ("train-loss", "test-right", "steps")] == [
        "–", "–", "0",
    ]  # fmt: skip
    labels = {page.get_attribute(f"#{name}", "aria-label") for name in ("losses", "norms")}
    assert labels == {"No net yet"} and page.evaluate("playground.diagram.drawn.length") == 0
    assert "No net yet" in page.get_attribute("#field", "aria-label")
    colours = """() => { const c = document.getElementById("field");
        const {data} = c.getContext("2d").getImageData(0, 0, c.width, c.height);
        return new Set(new Uint32Array(data.buffer)).size; }"""
    assert page.evaluate(colours) == 1
    page.click("#save")
    says(page, "no points to save")
    page.click("#field", position={"x": 60, "y": 60})
    says(page, "One point: draw two or more.")
    page.click("#field", position={"x": 90, "y": 60})
    wait_until(page, "playground.population.nets.length === 9 && playground.frame")
    assert page.inner_text("#message") == ""


def test_the_labels_of_a_table_are_those_of_the_problem(page: Any) -> None:
    table(page, ROWS)
    says(page, "20 of 20 rows. c: 0 is negative")
    page.select_option("#data", "circle")
    page.select_option("#problem", "regression")
    page.select_option("#data", "table")
    wait_until(page, f"new Set({LABELS}).size === 20")
    assert page.inner_text("#message") == "20 of 20 rows."


def test_a_file_that_is_no_table_leaves_the_last_one(page: Any) -> None:
    page.select_option("#data", "table")
    says(page, "No table yet: open a CSV file.")
    table(page, "a,b\n1,2\n", "u.csv")
    says(page, "u.csv: expected a header, three columns and four rows or more")
    table(page, ROWS.replace("a,b,c", ",b,b"))
    says(page, "20 of 20 rows. b: 0 is negative")
    assert page.locator("#column-x option").all_inner_texts() == ["column 1", "b", "b"]
    table(page, "", "v.csv")
    says(page, "v.csv: expected a header, three columns and four rows or more; the table before")
    page.select_option("#column-target", "1")
    says(page, "b: 0 is negative")
    assert len(page.evaluate(LABELS)) == 20


def test_a_field_left_empty_keeps_its_number(page: Any) -> None:
    page.select_option("#optimizer", "adam")
    for name in ("lr", "batch", "seed", "own-beta1", "l2"):
        before = page.input_value(f"#{name}")
        fill(page, f"#{name}", "")
        assert page.input_value(f"#{name}") == before, name
    page.click("#hand > summary")
    for value, row in (("999", "199"), ("-3", "0"), ("", "0"), ("2.6", "3")):
        fill(page, "#row", value)
        wait_until(page, f"document.getElementById('trace').textContent.startsWith('Row {row}:')")
        assert page.input_value("#row") == row


def test_nine_nets_have_the_colours_of_the_large_one(page: Any) -> None:
    page.click("#nine > summary")
    wait_until(
        page, "playground.population.nets.length === 9 && playground.population.nets[8].frame"
    )
    for on in (True, False):
        page.set_checked("#discrete", on)
        wait_until(
            page,
            f"playground.population.nets.every(n => n.settings.discrete === {str(on).lower()})",
        )


def test_what_cannot_differ_is_not_offered(page: Any) -> None:
    page.click("#nine > summary")
    offered = "[...document.querySelectorAll('#varied option:not(:disabled)')].map(o => o.value)"
    page.select_option("#varied", "l2")
    page.select_option("#optimizer", "rprop")
    assert page.evaluate(offered) == ["seed", "lr", "width", "batch"]
    assert page.input_value("#varied") == "seed"
    page.click("#less")
    page.click("#less")
    assert page.evaluate(offered) == ["seed", "lr", "batch"]


def test_a_loss_that_is_not_finite_has_nothing_right(page: Any) -> None:
    page.select_option("#activation", "linear")
    page.select_option("#speed", "1000")
    fill(page, "#lr", "10")
    page.click("#play")
    says(page, "not finite")
    assert page.inner_text("#train-right") == page.inner_text("#test-right") == "–"


def test_keys_do_not_lose_their_place(page: Any) -> None:
    """A button that can do no more hands the focus to its neighbour."""
    focus = "document.activeElement.id || document.activeElement.getAttribute('aria-label')"
    page.focus('[aria-label="Layer 2: a unit more"]')
    for _ in range(6):
        page.keyboard.press("Enter")
    assert page.evaluate("playground.settings.layers[1]") == 8
    assert page.evaluate(focus) == "Layer 2: a unit less"
    page.focus("#more")
    for _ in range(4):
        page.keyboard.press("Enter")
    assert page.evaluate(focus) == "less" and page.inner_text("#layers") == "6 layers"
    for _ in range(5):
        page.keyboard.press("Enter")
    assert page.inner_text("#layers") == "1 layer"
    page.keyboard.press("Enter")
    assert page.evaluate(focus) == "more"
    page.select_option("#data", "drawn")
    assert page.get_attribute("#field", "role") == "application"  # so that arrow keys reach it
    assert page.get_attribute("#field", "aria-label").startswith("Arrow keys move, Enter adds")
    page.select_option("#data", "xor")
    assert page.get_attribute("#field", "role") == "img"


def test_a_page_that_is_left_leaves_no_nets(page: Any, server: Playground) -> None:
    page.click("#nine > summary")
    wait_until(page, "playground.population.nets.length === 9")
    kept = len(server.nets._nets)
    other = page.context.new_page()
    for _ in range(3):
        opened(other, server.url)
        other.click("#nine > summary")
        wait_until(other, "playground.population.nets.length === 9")
    other.goto("about:blank")
    page.wait_for_timeout(300)
    assert len(server.nets._nets) == kept
    page.click("#step")
    wait_until(page, "playground.frame.step === 1")
    page.goto("about:blank")
    page.go_back()
    wait_until(page, "playground.frame && playground.net")
    page.click("#step")
    wait_until(page, "playground.frame.step === 1")


def test_the_token_leaves_the_address_and_is_kept(page: Any, server: Playground) -> None:
    """So links do not hold it, and the page can be loaded anew or opened again."""
    place = f"http://127.0.0.1:{server.server_port}/"
    assert page.evaluate("location.href") == place
    page.reload()
    wait_until(page, "playground.frame")
    opened(page, place + "#data=xor")
    assert page.evaluate("playground.settings.data") == "xor"


def test_who_has_no_token_is_told_where_it_is(browser: Any, server: Playground) -> None:
    stranger = browser.new_page()
    stranger.goto(f"http://127.0.0.1:{server.server_port}/")
    says(stranger, "open the address that `fastnn playground` printed")
    stranger.close()


def test_a_server_that_has_ended_is_said(browser: Any) -> None:
    with Playground(0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        page = opened(browser.new_page(), server.url)
        server.token = "of another start"
        page.click("#step")
        says(page, "open the address that `fastnn playground` printed")
        page.route("**/frame*", lambda route: route.abort())  # as if the process were gone
        page.click("#step")
        says(page, "start `fastnn playground` again")
        page.close()
        server.shutdown()
        thread.join()
