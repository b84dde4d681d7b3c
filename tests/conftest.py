"""The labs, for every test that drives a real PBX (`@pytest.mark.pbx`)."""

import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path

import hypothesis
import pytest
import pytest_asyncio

from agent.demo.asterisk import LabAsterisk
from agent.demo.caller import Caller
from agent.demo.carrier import Carrier
from agent.demo.dialer import Dialer
from agent.demo.freeswitch import LabFreeSwitch, prefix_from_environment
from agent.demo.lab import LabError, LabPorts, chroot_from_environment

Call = Callable[[str], Coroutine[None, None, Caller]]
"""Place an inbound call to an extension of the lab."""


def pytest_configure(config: pytest.Config) -> None:
    # How fast a machine is, is nothing that a test may fail for.
    hypothesis.settings.register_profile(
        "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("untimed")
    config.addinivalue_line("markers", "audiosocket: needs an Asterisk that has AudioSocket (18 or newer)")
    config.addinivalue_line("markers", "every(cases): runs for each of the cases that its PBX can place")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what an old Asterisk cannot do, and say so; `scripts/test` takes one only where it must."""
    with contextlib.suppress(LabError):
        if any(chroot_from_environment().glob("usr/lib/**/asterisk/modules/chan_audiosocket.so")):
            return
        without = [item for item in items if item.get_closest_marker("audiosocket")]
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Keep what earlier tests left out of the collections that fall into a call.

    A test's process is the call's carrier and caller, and sometimes its agent. To look through all that the
    tests have loaded takes a quarter of a second; the dialplan waits a tenth for an agent's last word.
    """
    if item.get_closest_marker("pbx"):
        gc.freeze()


@pytest.fixture(scope="session")
def chroot() -> Path:
    """The folder with the private Asterisk."""
    problem = ""
    try:
        return chroot_from_environment()
    except LabError as error:
        problem = str(error)
    pytest.fail(problem, pytrace=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_lab(chroot: Path) -> AsyncIterator[LabAsterisk]:
    """One Asterisk for all tests."""
    async with LabAsterisk(chroot, ports=LabPorts.free()) as lab:
        yield lab


@pytest.fixture(scope="session")
def freeswitch_prefix() -> Path:
    """Where FreeSWITCH is installed; what needs one is skipped where the environment names none."""
    problem = ""
    try:
        return prefix_from_environment()
    except LabError as error:
        problem = str(error)
    pytest.skip(problem)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_freeswitch(
    freeswitch_prefix: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LabFreeSwitch]:
    """One FreeSWITCH for all tests."""
    home = tmp_path_factory.mktemp("freeswitch")
    async with LabFreeSwitch(freeswitch_prefix, home, ports=LabPorts.free()) as lab:
        yield lab


@pytest.fixture
async def freeswitch(shared_freeswitch: LabFreeSwitch) -> AsyncIterator[LabFreeSwitch]:
    """A running FreeSWITCH without calls, whatever an earlier test did to it."""
    if not shared_freeswitch.running:
        await shared_freeswitch.start()
    yield shared_freeswitch
    if shared_freeswitch.running:
        shared_freeswitch.thaw()
        await shared_freeswitch.command("hupall")


@pytest.fixture
async def lab(shared_lab: LabAsterisk) -> AsyncIterator[LabAsterisk]:
    """A running Asterisk without calls, whatever an earlier test did to it."""
    if not shared_lab.running:
        await shared_lab.start()
    yield shared_lab
    if shared_lab.running:
        shared_lab.thaw()
        await shared_lab.command("channel request hangup all")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab_without_audiosocket(chroot: Path) -> AsyncIterator[LabAsterisk]:
    """An Asterisk that has no AudioSocket, on ports of its own (its carrier's too)."""
    async with LabAsterisk(chroot, ports=LabPorts.free(), audiosocket=False) as lab:
        yield lab


@pytest.fixture
async def carrier(lab: LabAsterisk) -> AsyncIterator[Carrier]:
    """The carrier behind the lab's trunks; set its `scenarios` by number."""
    async with Carrier(port=lab.ports.carrier) as carrier:
        yield carrier


@pytest.fixture
async def dialer(lab: LabAsterisk) -> AsyncIterator[Dialer]:
    """A manager session that may do everything."""
    async with lab.dialer() as dialer:
        yield dialer


@pytest.fixture
async def call(lab: LabAsterisk, carrier: Carrier) -> AsyncIterator[Call]:
    """Places inbound calls; what is left of them is given up at the end."""
    async with AsyncExitStack() as callers:

        async def place(extension: str) -> Caller:
            caller = await callers.enter_async_context(Caller(pbx=("127.0.0.1", lab.ports.sip)))
            caller.dial(extension)
            return caller

        yield place
