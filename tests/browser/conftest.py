"""A real server, a real Chromium, and an eye on everything that a page may not do."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_photos import HOSTILE, patterns
from browser_runs import active_runs, finished_runs, left_runs
from browser_steps import Figures, Visits, start_training, wait_until
from playwright.sync_api import Browser, sync_playwright

from core.data.dataset import Dataset
from core.data.intake import take_in
from core.drafts import Draft
from core.runs import steer
from core.training.plan import Recipe
from core.workspace import Workspace
from tests.serving import FLAGS, Server, chromium

LOG_SHOWN = 6000
PROBLEMS_SHOWN = 20
# NOTE: no name but this machine's is found, so that a request outwards fails and is also noticed.
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
figures_of_session: Figures = {}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that most tests share; each test leaves it without a training."""
    with Server(tmp_path_factory.mktemp("shared") / "workspace") as running:
        yield running


@pytest.fixture
def own_server(tmp_path: Path) -> Server:
    """A server of a test's own, which the test starts."""
    return Server(tmp_path / "workspace")


# NOTE: not for the session. Playwright's sync API leaves an event loop running in this thread, and
# tests of other folders start loops of their own.
@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """The browser; a test fails, and is not skipped, where none is installed."""
    try:
        path = chromium()
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, ALONE, *CAMERA])
        yield browser
        browser.close()


@pytest.fixture
def visits(chrome: Browser) -> Iterator[Visits]:
    """Opens watched browsers; at the end none may have erred or asked another machine."""
    opened = Visits(chrome)
    yield opened
    opened.close()
    left = [server for server in opened.servers if active_runs(server.workspace)]
    for each in left:  # a test that failed half-way: the next one finds a server at rest
        each.__exit__(None, None, None)
        for run in left_runs(each.workspace):
            steer.stop(Workspace.open(each.workspace), run.name)
        each.__enter__()
    problems = opened.problems()
    assert not problems, "\n".join(problems[:PROBLEMS_SHOWN])
    assert not left, "the test left a training behind"


@pytest.fixture
def figures() -> Figures:
    """What the tests measure on the way; reported, never asserted."""
    return figures_of_session


@pytest.fixture(scope="session")
def small(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """96 photos in three classes with hostile names, taken in to the shared workspace."""
    folder = patterns(tmp_path_factory.mktemp("small") / "*my* <i>photos<i>", HOSTILE[:3], 32)
    return take_in(folder, Workspace.open(server.workspace))


@pytest.fixture
def finished(server: Server, small: Dataset, visits: Visits) -> Path:
    """The folder of a run of the shared server that has finished, trained now or by a test before."""
    wanted = [run for run in finished_runs(server.workspace) if _dataset_of(run) == small.id]
    if wanted:
        return wanted[0]
    draft = Draft(dataset=small.id, dataset_title=small.title, recipe=Recipe(epochs=2, batch_size=16))
    page = visits.open(server, "/train", draft)
    run = start_training(page, server)
    wait_until(page, lambda: not active_runs(server.workspace), "the training ends")
    assert run in finished_runs(server.workspace)
    page.context.close()
    return run


def _dataset_of(run: Path) -> str:
    return str(json.loads((run / "plan.json").read_text())["dataset"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None]:
    """Show with a failure what the server said and what the pages looked like."""
    report = yield
    if report.failed:
        given = getattr(item, "funcargs", {}).values()
        for each in given:
            if isinstance(each, Server):
                report.sections.append((f"log of {each.address}", each.log.read_text()[-LOG_SHOWN:]))
            if isinstance(each, Visits):
                report.sections.append(("pages", each.pictured(item.name)))
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what was measured to the process that prints it, where several share the tests."""
    handed_on = getattr(session.config, "workeroutput", None)
    if handed_on is not None:
        handed_on["figures"] = figures_of_session


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process measured that has done its share."""
    figures_of_session.update(getattr(node, "workeroutput", {}).get("figures", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured, and keep it where ``THAW_REPORT`` says."""
    if not figures_of_session:
        return
    terminalreporter.section("measured in the browser")
    for name, value in figures_of_session.items():
        terminalreporter.line(f"{name}: {value}")
    folder = os.environ.get("THAW_REPORT")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        text = json.dumps(figures_of_session, indent=1)
        (Path(folder) / "browser.json").write_text(text, encoding="utf-8")
