"""The pictures in README.md: ``make screenshots``.

The real people of the bundled group photo must not be shown as themselves in our documentation. So the demo network
is seeded from a photo in which the engine has replaced all six: who is disclosed in these pictures is already a
synthetic face, and who is not is a second one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from socialnet import demo_network as demo  # noqa: E402
from socialnet.demo_network import bundled_photo  # noqa: E402
from tests.browser.demo import RunningDemo, start_demo  # noqa: E402

OUT = ROOT / "docs" / "images"
WORK = ROOT / "var" / "screenshots"
CHROMIUM = {
    "executable_path": "/usr/bin/chromium",
    "args": ["--no-sandbox", "--disable-background-networking"],
}
VIEWERS = ("sam", "theo", "clara")
PAGES = {  # name -> (who, address)
    "your-face": ("milan", "/face/"),
    "rules": ("milan", "/face/rules"),
    "inbox": ("theo", "/face/inbox"),
}


def main() -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    OUT.mkdir(parents=True, exist_ok=True)
    nobody = WORK / "nobody.png"
    command = [
        sys.executable,
        "-m",
        "mfmc_engine",
        "anonymize",
        str(bundled_photo()),
        str(nobody),
        "--seed",
        "README 15",
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    demo_site = start_demo(WORK / "var", "--photo", str(nobody))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(**CHROMIUM)
            for viewer in VIEWERS:
                page = sign_in(browser, demo_site, viewer)
                shoot(page, demo_site.url + "/", f"feed-{viewer}")
            for name, (viewer, address) in PAGES.items():
                shoot(sign_in(browser, demo_site, viewer), demo_site.url + address, name)
            browser.close()
    finally:
        demo_site.stop()


def sign_in(browser: Browser, site: RunningDemo, handle: str) -> Page:
    context = browser.new_context(viewport={"width": 760, "height": 860}, device_scale_factor=1)
    page = context.new_page()
    page.goto(site.url + "/accounts/login/")
    page.locator("input[name=login]").fill(handle)
    page.locator("input[name=password]").fill(demo.PASSWORD)
    page.locator("main button[type=submit]").first.click()
    page.wait_for_load_state("networkidle")
    return page


def shoot(page: Page, url: str, name: str) -> None:
    page.goto(url)
    page.wait_for_load_state("networkidle")
    post = page.locator("article").first
    if post.count():  # past the welcome that a newcomer's feed begins with
        post.evaluate("post => window.scrollTo(0, post.getBoundingClientRect().top + window.scrollY - 80)")
        page.wait_for_load_state("networkidle")
    page.screenshot(path=OUT / f"{name}.jpg", type="jpeg", quality=82)
    print(OUT / f"{name}.jpg")


if __name__ == "__main__":
    main()
