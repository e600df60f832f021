"""The Playground in a real browser, with a WAV file as its microphone."""

import re
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, async_playwright, expect

from tests.processes import VoiceAgent

pytestmark = [pytest.mark.realtime, pytest.mark.browser]

HZ = 16_000
MICROPHONE = Path(__file__).parent / "microphone.js"
GREETING_S = 9.0
"""The browser's microphone starts with the call; by then the agent has greeted."""
ANSWER_MS = 40_000
"""For everything together, on a machine that also runs the browser."""


@pytest.fixture
def spoken(flite: Callable[..., bytes], tmp_path: Path) -> Path:
    """A question, as a browser's microphone plays it."""
    path = tmp_path / "microphone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, HZ, 0, "NONE", ""))
        file.writeframes(
            bytes(int(GREETING_S * HZ) * 2) + flite("What is five plus six?") + bytes(60 * HZ * 2)
        )
    return path


@pytest.fixture
async def page(chromium: str, spoken: Path) -> AsyncIterator[Page]:
    flags = [
        "--no-sandbox",  # Chromium refuses to run as root with it, and test machines often run as root
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={spoken}",
        "--autoplay-policy=no-user-gesture-required",
        "--disable-features=WebRtcHideLocalIpsWithMdns",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        page = await browser.new_page(viewport={"width": 1400, "height": 900})
        await page.add_init_script(path=MICROPHONE)
        await page.route("**/assets/index.module-*.js", use_the_test_microphone)
        yield page
        await browser.close()


async def use_the_test_microphone(route: Route) -> None:
    """The Playground takes a media manager where it is given one: give it ours."""
    reply = await route.fetch()
    script = (await reply.text()).replace(".mediaManager||new ", ".mediaManager||window.testMicrophone||new ")
    await route.fulfill(response=reply, body=script)


async def test_a_browser_sees_transcript_answer_and_metrics(
    page: Page, voice_agent: VoiceAgent, tmp_path: Path
):
    await page.goto(f"{voice_agent.url}/client/")
    # Until its devices are there, the page drops a click on Connect.
    opened = page.get_by_role("button", name=re.compile(r"transportStateChanged .*initialized"))
    await expect(opened.first).to_be_visible(timeout=ANSWER_MS)
    # Before its microphone is there, the page takes no notice of a click.
    initialized = re.compile("transportStateChanged.*initialized")
    await expect(page.get_by_role("button", name=initialized).first).to_be_visible(timeout=ANSWER_MS)
    await page.get_by_role("button", name="Connect").first.click()
    await expect(page.get_by_text(re.compile("what is five plus six", re.I)).first).to_be_visible(
        timeout=ANSWER_MS
    )
    await expect(page.get_by_text("The answer is 11").first).to_be_visible(timeout=ANSWER_MS)
    await page.screenshot(path=tmp_path / "conversation.png")
    await page.get_by_role("tab", name="Metrics").first.click()
    for name in ("ASR", "LLM", "TTS", "ServerVoiceToVoice"):
        await expect(page.get_by_text(name, exact=True).first).to_be_visible()
    await page.screenshot(path=tmp_path / "metrics.png")
