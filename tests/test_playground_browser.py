"""The playground in headless Chromium, with the server and with WebAssembly."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import needs_browser, opened, served, wait_until
from playground_nets import PLACES

pytestmark = pytest.mark.slow
SPIRAL = "#data=spiral&layers=8+8&optimizer=adam&lr=0.01&percent=70&speed=1000"


@pytest.fixture(scope="module", params=["native", "wasm"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    needs_browser()
    with served(request.param) as address:
        yield address


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, accept_downloads=True)
    made = opened(context.new_page(), url)
    yield made
    faults = made.faults
    context.close()
    assert faults == []


def settle(page: Any) -> None:
    """Until the net of the last change has its first frame."""
    page.wait_for_timeout(60)
    wait_until(page, "playground.net !== null && playground.frame !== null")


def last(page: Any) -> list[float]:
    """The numbers of the net that was made last."""
    settle(page)
    return page.evaluate("sent.at(-1)")


def fill(page: Any, selector: str, value: str) -> None:
    page.fill(selector, value)
    page.locator(selector).blur()


def slide(page: Any, selector: str, value: int) -> None:
    page.evaluate(f"document.querySelector('{selector}').value = {value}")
    page.dispatch_event(selector, "input")
    page.dispatch_event(selector, "change")


def train(page: Any, steps: int, seconds: float = 60) -> None:
    page.click("#play")
    wait_until(page, f"playground.frame.step >= {steps} || !playground.playing", seconds)
    if page.evaluate("playground.playing"):
        page.click("#play")
    page.wait_for_timeout(100)


# ---- training ----


def test_it_trains_to_the_accuracy_of_the_spiral(page: Any, url: str) -> None:
    opened(page, url + SPIRAL)
    page.click("#play")
    right = "parseFloat(document.querySelector('#{}-right').textContent) >= {}"
    wait_until(page, f"{right.format('train', 99)} && {right.format('test', 95)}")
    page.click("#play")


def test_play_pause_step_reset_speed(page: Any) -> None:
    page.click("#step")
    wait_until(page, "playground.frame.step === 1")
    page.select_option("#speed", "10")
    train(page, 100)
    steps = page.evaluate("playground.frame.step")
    assert steps % 10 == 1 and page.inner_text("#steps") == f"{steps:,}"
    page.wait_for_timeout(300)
    assert page.evaluate("playground.frame.step") == steps
    page.click("#reset")
    wait_until(page, "playground.frame.step === 0")
    assert page.inner_text("#play") == "Train"


def test_a_loss_that_is_not_finite_is_said(page: Any) -> None:
    page.select_option("#activation", "linear")
    fill(page, "#lr", "10")
    train(page, 10**9)
    assert "not finite" in page.inner_text("#message")


# ---- every control ----

# Control, how it is set, and which numbers of the net it changes.
NUMBERS = {"batch": (32, "BATCH"), "seed": (7, "SEED"), "dropout": (0.25, "DROPOUT"),
           "lr": (0.125, "LR"), "l1": (0.001, "L1"), "l2": (0.01, "DECAY")}  # fmt: skip
CHOICES = {
    "activation": ("ACTIVATION", ["linear", "relu", "sigmoid", "tanh", "gelu", "sin"]),
    "loss": ("LOSS", ["squared", "cross_entropy", "absolute"]),
    "schedule": ("SCHEDULE", ["constant", "steps", "exponential", "cosine", "warmup"]),
}


def test_numbers_and_choices_reach_the_engine(page: Any) -> None:
    for name, (value, place) in NUMBERS.items():
        before = last(page) if page.evaluate("sent.length") else None
        fill(page, f"#{name}", str(value))
        numbers = last(page)
        assert numbers[PLACES[place]] == value, name
        changed = {i for i, x in enumerate(numbers) if before and before[i] != x}
        assert changed <= {PLACES[place]}, name
    for name, (place, values) in CHOICES.items():
        for at, value in enumerate(values):
            page.select_option(f"#{name}", value)
            assert last(page)[PLACES[place]] == at, value
    fill(page, "#period", "17")
    fill(page, "#factor", "0.75")
    assert [last(page)[PLACES[name]] for name in ("PERIOD", "FACTOR")] == [17, 0.75]


OWN = {  # a number of each optimizer: its place among the row's own, and the row
    "sgd": ("momentum", 0.5, 0, 0), "nesterov": ("momentum", 0.7, 0, 0),
    "rmsprop": ("alpha", 0.9, 0, 1), "adagrad": ("lr_decay", 0.1, 0, 2),
    "adam": ("beta2", 0.99, 1, 3), "adamw": ("beta1", 0.8, 0, 3), "nadam": ("beta1", 0.8, 0, 4),
    "lion": ("beta2", 0.95, 1, 5), "rprop": ("etaplus", 1.5, 1, 6),
}  # fmt: skip


def test_optimizers_and_their_numbers(page: Any) -> None:
    fill(page, "#l2", "0.01")
    for optimizer, (name, value, place, row) in OWN.items():
        page.select_option("#optimizer", optimizer)
        fill(page, f"#own-{name}", str(value))
        numbers = last(page)
        assert numbers[PLACES["OPTIMIZER"]] == row
        assert numbers[PLACES["OWN"] + place] == value, optimizer
        kinds = {"adamw": (0, 0.01), "lion": (0, 0.01), "rprop": (0, 0)}
        decay = tuple(numbers[PLACES[kind]] for kind in ("DECAY", "DECOUPLED"))
        assert decay == kinds.get(optimizer, (0.01, 0)), optimizer
        assert page.is_disabled("#l2") == (optimizer == "rprop")
        page.click("#step")
        wait_until(page, "playground.frame.step === 1 && playground.frame.status === 0")


def test_data_noise_and_shares(page: Any) -> None:
    points = "JSON.stringify(playground.points.train)"
    seen = set()
    for problem, names in (
        ("classification", ["circle", "xor", "gauss", "spiral"]),
        ("regression", ["plane", "hills"]),
    ):
        page.select_option("#problem", problem)
        for name in names:
            page.select_option("#data", name)
            settle(page)
            seen.add(page.evaluate(points))
            slide(page, "#noise", 30)
            settle(page)
            seen.add(page.evaluate(points))
            slide(page, "#noise", 0)
    assert len(seen) == 12
    assert page.eval_on_selector_all("#loss option", "list => list.map(x => x.value)") == [
        "squared", "absolute",
    ]  # fmt: skip
    for percent in (10, 90):
        slide(page, "#percent", percent)
        numbers = last(page)
        assert numbers[:2] == [4 * percent, 400 - 4 * percent]
        assert page.inner_text("#percent-value") == str(percent)


def test_inputs_layers_units(page: Any) -> None:
    for name in ("x1x1", "x2x2", "x1x2", "sinx1", "sinx2"):
        page.click(f"[data-feature={name}]")
        settle(page)
    assert last(page)[PLACES["INPUTS"]] == 7
    page.click("[data-feature=x1]")
    assert last(page)[PLACES["INPUTS"]] == 6
    assert page.get_attribute("[data-feature=x1]", "aria-pressed") == "false"
    page.click("#more")
    assert last(page)[PLACES["N_LAYERS"] :] == [4, 4, 2, 2, 1]
    page.click('[aria-label="Layer 2: a unit more"]')
    page.click('[aria-label="Layer 1: a unit less"]')
    assert last(page)[PLACES["N_LAYERS"] :] == [4, 3, 3, 2, 1]
    for _ in range(3):
        page.click("#less")
    assert last(page)[PLACES["N_LAYERS"] :] == [1, 1]
    assert page.is_disabled("#less")
    for _ in range(6):
        page.click("#more")
    assert page.is_disabled("#more") and last(page)[PLACES["N_LAYERS"]] == 7


def picture(page: Any) -> str:
    page.wait_for_timeout(60)
    return page.evaluate("document.getElementById('field').toDataURL()")


def test_what_the_large_picture_shows(page: Any) -> None:
    page.select_option("#speed", "100")
    train(page, 500)
    page.evaluate("window.scrollTo(0, 0)")
    first = picture(page)
    seen = {first}
    for selector in ("#discrete", "#hideTest"):
        page.click(selector)
        seen.add(picture(page))
    assert len(seen) == 3
    page.click("#hideTest")
    page.click("#discrete")
    assert picture(page) == first
    unit = page.locator('[data-layer="0"][data-unit="1"]')
    unit.click()
    assert page.inner_text("#out-title") == "Unit 2 of layer 1" and picture(page) not in seen
    assert unit.get_attribute("aria-pressed") == "true"
    unit.click()
    assert page.inner_text("#out-title") == "Output" and picture(page) == first


def test_points_drawn_by_hand(page: Any, url: str) -> None:
    page.select_option("#data", "drawn")
    wait_until(page, "document.getElementById('message').textContent.includes('No points')")
    assert page.is_disabled("#play") and page.is_disabled("#step")
    for x, y, label in ((50, 50, "1"), (300, 60, "-1"), (60, 300, "-1"), (300, 300, "1")):
        page.check(f'input[name=label][value="{label}"]')
        page.click("#field", position={"x": x, "y": y})
    settle(page)
    assert sum(last(page)[:2]) == 4
    page.focus("#field")
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    settle(page)
    points = page.evaluate("playground.custom.drawn")
    assert len(points) == 5 and (points[-1]["x"], points[-1]["y"]) == (0.5, 0.5)
    page.click("#undo")
    settle(page)
    link = page.evaluate("location.href")
    assert "token" not in link
    train(page, 200)
    opened(page, link)
    again = page.evaluate("playground.custom.drawn")
    assert [p["label"] for p in again] == [1, -1, -1, 1]
    assert all(abs(a["x"] - b["x"]) < 0.05 for a, b in zip(again, points))
    page.click("#clear")
    page.wait_for_timeout(100)
    assert page.evaluate("playground.custom.drawn.length") == 0


def test_two_columns_of_a_table(page: Any, tmp_path: Path) -> None:
    rows = [f'{i % 7},{i * i % 11},{i},"{"yes" if i % 3 else "no"}"' for i in range(40)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["a,b,c,kind", *rows]) + "\n")
    page.select_option("#data", "table")
    page.set_input_files("#file", str(path))
    settle(page)
    assert sum(last(page)[:2]) == 40
    labels = "playground.points.train.concat(playground.points.test).map(p => p.label)"
    assert set(page.evaluate(labels)) == {-1, 1}
    page.select_option("#column-target", "c")
    page.select_option("#problem", "regression")
    settle(page)
    assert len(set(page.evaluate(labels))) == 40
    page.select_option("#column-x", "kind")
    wait_until(page, "document.getElementById('message').textContent.includes('kind: expected')")


# ---- side by side, by hand, code, link ----


def test_nine_nets(page: Any) -> None:
    page.click("#nine > summary")
    for varied, word in (("seed", "seed 9"), ("lr", "rate 0.9"), ("width", "8-6 units"),
                         ("batch", "batch 256"), ("l2", "L2 1.6")):  # fmt: skip
        page.select_option("#varied", varied)
        captions = "[...document.querySelectorAll('#population figcaption')]"
        wait_until(page, f"{captions}.some(f => f.textContent.startsWith('{word}'))")
        assert page.locator("#population figure").count() == 9
    page.select_option("#varied", "seed")
    page.wait_for_timeout(300)
    before = page.inner_text("#population")
    train(page, 50)
    assert page.inner_text("#population") != before
    page.click("#nine > summary")
    wait_until(page, "playground.population.nets.length === 0")


def test_one_step_by_hand(page: Any) -> None:
    page.click("#hand > summary")
    wait_until(page, "document.querySelectorAll('#trace table').length === 6")
    first = page.inner_text("#trace")
    fill(page, "#row", "3")
    wait_until(page, "document.getElementById('trace').textContent.startsWith('Row 3')")
    assert page.inner_text("#trace") != first
    # w after the step is w - lr * dE/dw of plain gradient descent
    for cells in page.locator("#trace table").nth(1).locator("tbody tr").all():
        w, slope, after = (float(text) for text in cells.locator("td").all_inner_texts())
        assert after == pytest.approx(w - 0.03 * slope, rel=2e-5, abs=1e-6)


CODES = ["", "optimizer=adamw&own.beta1=0.8&l2=0.01&layers=3&activation=relu&schedule=steps",
         "loss=cross_entropy&optimizer=rmsprop&own.momentum=0.5&dropout=0.1&schedule=cosine",
         "problem=regression&data=plane&loss=absolute&optimizer=nesterov&l1=0.0001&layers=",
         "activation=sin&optimizer=rprop&schedule=warmup&features=x1+sinx2&batch=200",
         "optimizer=lion&activation=gelu&schedule=exponential&factor=0.9",
         "optimizer=adagrad&activation=sigmoid", "optimizer=nadam&activation=linear"]  # fmt: skip


@pytest.mark.parametrize("link", CODES)
def test_the_code_runs(page: Any, url: str, tmp_path: Path, link: str) -> None:
    opened(page, f"{url}#{link}")
    page.click("#export > summary")
    with page.expect_download() as saved:
        page.click("#save")
    saved.value.save_as(tmp_path / "playground.csv")
    ours = page.inner_text("#code")
    done = subprocess.run(
        [sys.executable, "-c", ours], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("test loss "), done.stderr
    page.select_option("#library", "torch")
    theirs = page.inner_text("#code")
    if "lion" in link:
        assert "no Lion" in theirs
    else:
        compile(theirs, "code", "exec")
        assert theirs.count("torch") > 3 and "fastnn" not in theirs
        if "l1=" not in link:
            assert theirs.replace("torch", "fastnn") == ours


def test_a_link_restores_everything(page: Any, url: str, browser: Any) -> None:
    link = (
        "#problem=classification&data=xor&noise=15&percent=30&seed=5&batch=7&features=x1+x1x2"
        "&layers=5+3+2&activation=relu&loss=cross_entropy&dropout=0.1&optimizer=adamw&own.beta2=0.9"
        "&lr=0.02&l1=0.001&l2=0.003&schedule=warmup&period=9&factor=0.25&speed=10&discrete=1"
    )
    opened(page, url + link)
    train(page, 30)
    page.click("#reset")
    page.click('[aria-label="Layer 3: a unit more"]')
    numbers = last(page)
    assert numbers[PLACES["N_LAYERS"] :] == [4, 5, 3, 3, 1]
    href = page.evaluate("location.href")
    other = browser.new_page()
    opened(other, url + "#" + href.partition("#")[2])
    other.click("#reset")
    assert last(other) == numbers
    first, second = (
        p.evaluate("JSON.stringify([playground.settings, playground.points])")
        for p in (page, other)
    )
    assert first == second and other.is_checked("#discrete")
    other.close()
    opened(page, f"{url}#data=nonsense&lr=x&layers=99+0+y&features=&activation=evil&batch=-4")
    assert last_settings(page) == ["circle", 0.03, [8, 1, 1], ["x1"], "tanh", 1]


def last_settings(page: Any) -> list[Any]:
    return page.evaluate(
        "(({data, lr, layers, features, activation, batch}) =>"
        " [data, lr, layers, features, activation, batch])(playground.settings)"
    )
