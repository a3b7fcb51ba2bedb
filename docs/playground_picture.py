"""Make docs/playground.png: the playground when it has learned the spiral.

python docs/playground_picture.py      needs playwright, Pillow and a Chromium
"""

import io
import sys
import threading
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

from browser import chromium, opened, wait_until  # noqa: E402

from fastnn.playground import Playground  # noqa: E402

LINK = "#data=spiral&layers=8+8&optimizer=adam&lr=0.01&percent=70&features=x1+x2+sinx1+sinx2"

with Playground(0) as server, chromium() as browser:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = opened(browser.new_page(viewport={"width": 1360, "height": 830}), server.url + LINK)
    page.select_option("#speed", "10")
    page.click("#play")
    wait_until(page, "playground.frame.step >= 3000")
    page.click("#play")
    page.wait_for_timeout(300)
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").quantize(96).save(HERE / "playground.png", optimize=True)
    server.shutdown()
