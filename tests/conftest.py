"""What every test gets: no way off this machine, no settings but its own, a clock that it moves itself."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import hypothesis
import playwright.async_api
import pytest
from playwright.async_api import Browser
from starlette.applications import Starlette

from ponte.logs import configure_logging
from ponte.settings import Settings
from ponte.testing import FakeMessenger, ManualClock
from simulator.serving import Served, serve
from tests.support.browsing import chromium, open_browser
from tests.support.processes import Nursery, know, open_nursery
from tests.support.spoken import Spoken, record

ROOT = Path(__file__).resolve().parent.parent
_SUPPORT = Path(__file__).resolve().parent / "support"
_REFUSED = "TESTS_REFUSED"

# Whatever a developer's shell holds: keys, proxies and traces must not reach a test.
_FOREIGN = ("OPENAI_", "TWILIO_", "LANGCHAIN_", "LANGSMITH_", "LANGGRAPH_", "STREAMLIT_", "MONGO")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy")

_BROWSER_MS = 30_000

ServeApp = Callable[[Starlette], Awaitable[Served]]


def pytest_configure() -> None:
    """Cut the session off, before any test module is imported."""
    _clear_environment()
    _close_the_network()
    configure_logging("ERROR", "json")
    # No deadline: the machines' speed varies. CI is repeatable; elsewhere each run tries new examples, and a
    # failure prints what reproduces it.
    hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
    hypothesis.settings.register_profile("local", deadline=None, print_blob=True)
    hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")
    # A browser beside other tests on two cores takes its time; how fast a page is, the benchmarks tell.
    playwright.async_api.expect.set_options(timeout=_BROWSER_MS)


def pytest_xdist_auto_num_workers() -> int:
    """Run one test more than there are cores: many wait for a browser, a process or an outage to end."""
    return (os.cpu_count() or 1) + 1


def _clear_environment() -> None:
    settings = {name.upper() for name in Settings.model_fields}
    for name in list(os.environ):
        if name in settings or name.startswith(_FOREIGN) or name.lower() in _PROXIES:
            del os.environ[name]


def _close_the_network() -> None:
    record, path = tempfile.mkstemp(prefix="refused-", suffix=".log")
    os.close(record)
    os.environ[_REFUSED] = path
    # Python processes that tests start load the guard by themselves.
    others = [
        path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path not in {"", str(_SUPPORT)}
    ]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_SUPPORT), *others])
    guard = _SUPPORT / "sitecustomize.py"
    if getattr(sys.modules.get("sitecustomize"), "__file__", None) == str(guard):
        return  # this is itself such a process, a worker of pytest-xdist
    spec = importlib.util.spec_from_file_location("tests_network_guard", guard)
    if spec is None or spec.loader is None:
        raise RuntimeError("The network guard cannot be loaded.")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def pytest_unconfigure() -> None:
    """Remove the record of refused connections."""
    Path(os.environ.pop(_REFUSED)).unlink(missing_ok=True)


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder, the same in all workers, that keeps what was learned of the handoff examples.

    Its files are named by a hash of their content's sources and written whole, so tests do not meet in it.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "learned"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, learned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in an empty folder, where no ``.env`` is, with its own data folder."""
    place = tmp_path / "cwd"
    place.mkdir()
    know(place / "var", learned)
    monkeypatch.chdir(place)
    monkeypatch.setenv("DATA_DIR", str(place / "var"))
    monkeypatch.setenv("PROMPTS_DIR", str(ROOT / "prompts"))


@pytest.fixture(autouse=True)
def stays_on_this_machine() -> Iterator[None]:
    """Fail a test that tried to reach another machine, a model's for one, even if it swallowed the error."""
    record = Path(os.environ[_REFUSED])
    before = record.stat().st_size
    yield
    with record.open(encoding="utf-8") as file:
        file.seek(before)
        refused = file.read()
    if refused:
        pytest.fail(refused, pytrace=False)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what drives a browser where there is none; in CI it fails, since `.ci/run` installs one."""
    if item.get_closest_marker("browser") and chromium() is None and not os.environ.get("CI"):
        pytest.skip("No Chromium here. To run this test: apt-get install chromium, or brew install chromium.")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Return a Chromium of the test's own."""
    async with open_browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def spoken() -> Spoken:
    """Return what espeak-ng says; in CI its absence fails, since `.ci/run` installs it."""
    if shutil.which("espeak-ng") is None and not os.environ.get("CI"):
        pytest.skip("No espeak-ng here. To run this test: apt-get or brew install espeak-ng.")
    return record()


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Return what starts Ponte's processes without loading their libraries again."""
    with open_nursery() as opened:
        yield opened


@pytest.fixture
def manual_clock() -> ManualClock:
    """Return a clock that moves only when told."""
    return ManualClock()


@pytest.fixture
def messenger(manual_clock: ManualClock) -> FakeMessenger:
    """Return a Twilio that remembers what it accepted."""
    return FakeMessenger(manual_clock)


@pytest.fixture
async def serve_app() -> AsyncIterator[ServeApp]:
    """Return a function that serves an ASGI application on a free loopback port until the test ends."""
    async with AsyncExitStack() as stack:

        async def start(app: Starlette) -> Served:
            return await stack.enter_async_context(serve(app))

        yield start
