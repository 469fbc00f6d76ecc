"""pytest's face: options, tiers, the plan at collection, judging instead of calling, outcomes, report."""

from __future__ import annotations

import gc
import os
import uuid
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from _pytest.mark import deselect_by_keyword, deselect_by_mark

from harness.evidence.measured import Slip
from harness.fleet.pausing import Paused
from harness.judging.check import Check
from harness.judging.lines import written
from harness.lab.lab import Failed
from harness.lab.pinning import pin_arithmetic, pin_share
from harness.lab.places import Place
from harness.lab.store import StoreError
from harness.spec import TIERS
from harness.spec.untrusted import cause_of
from harness.spec.verdict import Verdict
from harness.suite import entries, importing, opening, options, refusals, stopping
from harness.suite.entries import Mistake, is_claim, is_tested, unjudged

if TYPE_CHECKING:
    from harness.suite.session import Session

if worker := os.environ.get("PYTEST_XDIST_WORKER"):  # it takes its GPUs before torch is imported
    pin_share(int(worker.removeprefix("gw")), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
pin_arithmetic()  # before anything imports numpy

STASH = pytest.StashKey["Session"]()
OUTCOME = pytest.StashKey[str]()
SELECTED = pytest.StashKey[bool]()
"""Set when collection came as far as selecting: without an argument that names nothing, say."""
DESELECTED = pytest.StashKey[list[pytest.Function]]()
LEFT_OUT = pytest.StashKey[list[str]]()
"""The ids of all tests that were deselected, claims or not."""
WRITTEN = pytest.StashKey[list[pytest.Function]]()
"""The claims' items in the order in which they are written, whoever shuffles them later."""


class Listener:
    """Learns of every judged item, on the controller or in a session without workers."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        encoded = getattr(report, "overclaim", None)
        if encoded is not None:
            self.session.outcome.add(encoded)

    def pytest_runtest_logstart(self) -> None:
        self.session.judging()


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    option = config.option
    if hasattr(option, "numprocesses"):
        if option.plan:
            option.numprocesses, option.dist, option.tx = None, "no", []
        elif option.numprocesses and option.dist == "no":
            option.dist = "loadgroup"  # items one by one: "load" hands out two, and the second waits


def pytest_configure(config: pytest.Config) -> None:
    for tier, what in zip(
        TIERS, ("embedded data, a CPU, minutes", "real data", "the paper's own setting"), strict=True
    ):
        config.addinivalue_line("markers", f"{tier}: {what}")
    config.addinivalue_line("markers", "tiers(name, ...): the only tiers at which this parameter is tested")
    config.addinivalue_line("markers", "claimed(field=value, ...): how the claim differs for this parameter")
    if config.option.help or config.option.version:
        return
    from harness.lab.environment import verified_environment
    from harness.lab.replicates import refused
    from harness.suite.reporting import misplaced
    from harness.suite.session import Session

    first = config.option.first_replicate
    try:
        refusals.require_effects(config)
        if why := refused(first):
            raise pytest.UsageError(f"--first-replicate {first}: {why}")
        if why := misplaced(config.option.report, first):
            raise pytest.UsageError(f"--report {config.option.report}: {why}")
        verified_environment()
        session = Session(config, _place(config))
    except (ValueError, OSError) as error:
        raise pytest.UsageError(cause_of(error)) from None
    config.stash[STASH] = session
    stopping.heed(config, session)
    config.stash[DESELECTED], config.stash[WRITTEN], config.stash[LEFT_OUT] = [], [], []
    config.pluginmanager.register(Listener(session), "overclaim-listener")
    config.pluginmanager.register(session.ahead, "overclaim-ahead")
    _hypothesis_profile()


def _place(config: pytest.Config) -> Place:
    """Where to compute and keep.

    Raises:
        ValueError: one clear line for what is wrong with that.
    """
    from harness.lab.places import place
    from harness.lab.provenance import commit
    from harness.suite import reporting

    shared = getattr(config, "workerinput", {})
    return place(
        store=config.option.store,
        data_root=config.option.data_root,
        device=config.option.device,
        fresh=config.option.fresh,
        session=shared.get("overclaim_session") or uuid.uuid4().hex[:16],
        commit=shared.get("overclaim_commit") or commit(reporting.code_of(config))[0],
        elsewhere=config.option.on is not None,
    )


def _hypothesis_profile() -> None:
    from hypothesis import HealthCheck, Phase, settings

    settings.register_profile(
        "overclaim",
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),  # explaining every control's failure is slow
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
    )
    settings.load_profile("overclaim")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuse a mistyped command line before xdist starts workers, which could not say so."""
    config = session.config
    config.stash[STASH].open()
    if not hasattr(config, "workerinput"):
        deselect_by_mark([], config)
        deselect_by_keyword([], config)
        paths = [] if config.option.pyargs else [arg.partition("::")[0] for arg in config.args]
        for path in paths:
            if not (config.invocation_params.dir / path).exists():
                raise pytest.UsageError(f"file or directory not found: {path}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.option.dist != "loadgroup":
        return None
    from harness.suite.dispatch import OneByOne

    return OneByOne(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker what all workers must agree on."""
    session = node.config.stash[STASH]
    node.workerinput["overclaim_began"] = session.began
    node.workerinput["overclaim_session"] = session.name
    node.workerinput["overclaim_status"] = str(session.status_folder)
    node.workerinput["overclaim_commit"] = session.place.commit


@pytest.fixture
def check() -> Check:
    """Takes relations (``check(above(...))``) and curves (``check.draw(...)``); judging puts in its own."""
    return Check()


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    claim = getattr(metafunc.function, "claim", None)
    if claim is not None:
        if "tier" not in metafunc.fixturenames:
            metafunc.fixturenames.append("tier")
        tiers = [pytest.param(tier, marks=getattr(pytest.mark, tier)) for tier in _tiers(metafunc)]
        metafunc.parametrize("tier", tiers)


def _tiers(metafunc: pytest.Metafunc) -> list[str]:
    """The tiers of a claim, and those which ``pytest.mark.claimed`` gives some of its parameters."""
    values = [mark.args[1] for mark in metafunc.definition.iter_markers("parametrize") if len(mark.args) > 1]
    listed = [value for each in values if isinstance(each, (list, tuple)) for value in each]
    marks = [mark for value in listed for mark in getattr(value, "marks", ())]
    marked = [mark.kwargs.get("adapted") for mark in marks if mark.name == "claimed"]
    adapted = [metafunc.function.claim.adapted, *(texts for texts in marked if isinstance(texts, Mapping))]
    return [tier for tier in TIERS if any(tier in texts for texts in adapted)]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A slip of the pen in a claim file is one line; a file that ends the process fails alone."""
    try:
        report = yield
    except SystemExit:
        return importing.stopped(collector)
    return importing.shortened(collector, report) if report.failed else report


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """No garbage collection meanwhile: what is collected and planned lives on, and is only walked in vain."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def pytest_itemcollected(item: pytest.Item) -> None:
    if is_claim(item):
        item.config.stash[WRITTEN].append(item)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not tested, or of a tier that was not asked for."""
    items[:] = [item for item in items if not is_claim(item) or is_tested(item)]
    left_out = [item for item in items if is_claim(item) and not _selected(item, config)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        unselected = {id(item) for item in left_out}
        items[:] = [item for item in items if id(item) not in unselected]
    config.stash[SELECTED] = True


def _selected(item: pytest.Item, config: pytest.Config) -> bool:
    """Say whether an item is asked for: without a tier in ``-m`` or in a node id, only the quick tier is."""
    named = [arg.partition("::")[2] for arg in config.args if "[" in arg.partition("::")[2]]
    return (
        opening.names_tier(config.option.markexpr)
        or any(item.nodeid.endswith(name) for name in named)
        or item.get_closest_marker("quick") is not None
    )


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember what ``-m`` and ``-k`` left out: the report says what was not run."""
    for item in items:
        item.config.stash[LEFT_OUT].append(item.nodeid)
        if is_claim(item):
            item.config.stash[DESELECTED].append(item)


def pytest_report_header(config: pytest.Config) -> list[str]:
    return config.stash[STASH].header()


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    return config.stash[STASH].planned()


@pytest.hookimpl(tryfirst=True)  # before an xdist worker tells what it collected
def pytest_collection_finish(session: pytest.Session) -> None:
    """Plan what is left when every plugin has selected (``--lf`` does after ``modifyitems``)."""
    config = session.config
    ours = config.stash[STASH]
    chosen = [item for item in session.items if is_claim(item)]
    deselected, left_out = config.stash[DESELECTED], config.stash[LEFT_OUT]
    known = {id(item) for item in (*chosen, *deselected)}
    every = [item for item in config.stash[WRITTEN] if id(item) in known and is_tested(item)]
    if config.stash.get(SELECTED, False):
        if why := refusals.undeselected(config, left_out):
            ours.refuse(why)
        else:
            ours.collect(every, chosen)
    if config.option.plan or ours.refusal:
        session.items.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Compute the plan and judge meanwhile, before pytest comes to the first item."""
    config = session.config
    ours = config.stash[STASH]
    stops = ours.refusal or config.option.plan or config.option.collectonly or session.testsfailed
    try:
        with stopping.ends_well(ours):
            if not stops:
                ours.fill(session.items)
            return (yield)
    finally:
        ours.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What is written wrongly is said before pytest looks for its fixtures."""
    mistake = item.config.stash[STASH].collection.mistakes.get(item.nodeid)
    if mistake:
        pytest.fail(mistake, pytrace=False)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not is_claim(pyfuncitem):
        return None
    session = pyfuncitem.config.stash[STASH]
    mistake = ""
    try:
        report = session.judge(pyfuncitem)
        encoded = entries.encoded(report)
    except Paused as paused:
        stopping.end(paused)
    except (Mistake, Failed, StoreError) as error:
        mistake = str(error)
    except Slip as slip:
        mistake = entries.slipped(pyfuncitem, slip)
    if mistake:
        pytest.fail(mistake, pytrace=False)  # a traceback through the harness would tell nothing
    pyfuncitem.stash[OUTCOME] = encoded
    session.settle(report)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The judged claim crosses xdist as one JSON string; plain strings only."""
    report = yield
    if report.when == "call" and OUTCOME in item.stash:
        report.overclaim = item.stash[OUTCOME]  # type: ignore[attr-defined]
    elif not report.passed and is_claim(item):
        verdict = Verdict.ERROR if report.failed else Verdict.NOT_RUN
        report.overclaim = entries.encoded(unjudged(item, verdict, _reason(report)))  # type: ignore[attr-defined]
        _make_writable(report)
    return report


def _make_writable(report: pytest.TestReport) -> None:
    """Take half characters out of what a claim raised or printed: xdist cannot send them."""
    text = report.longreprtext
    if text != written(text):
        report.longrepr = written(text)
    report.sections = [(name, written(content)) for name, content in report.sections]


def _reason(report: pytest.TestReport) -> str:
    """The first line of a failure, or the reason of a skip."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    looked_up = getattr(report.longrepr, "errorstring", "")  # a fixture that is not there, after where it was
    lines = (crash.message if crash else looked_up or report.longreprtext).strip().splitlines()
    return lines[0].removeprefix("Failed: ") if lines else "no reason given"


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: Any, config: pytest.Config) -> tuple[str, str, str] | None:
    if report.when == "???":  # xdist: the worker that ran it was lost
        return "failed", Verdict.ERROR.letter, Verdict.ERROR.value.upper()
    encoded = getattr(report, "overclaim", None)
    if encoded is None or report.when != "call" or hasattr(report, "wasxfail"):
        return None
    verdict = Verdict(msgspec.json.decode(encoded)["verdict"])
    return report.outcome, verdict.letter, verdict.value.upper()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[STASH].worker_ended(node.gateway.id, getattr(node, "workeroutput", None) or {})


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    ours = session.config.stash.get(STASH, None)
    if ours is not None:
        session.exitstatus = ours.finish(int(session.exitstatus))


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    for line, markup in config.stash[STASH].summary(int(exitstatus)):
        terminalreporter.write_line(line, **markup)
