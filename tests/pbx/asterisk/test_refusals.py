"""Refusals are counted one by one and logged now and then."""

from structlog.testing import capture_logs

from agent.pbx.asterisk.refusals import Refusal, Refusals


def test_a_reason_is_logged_once_in_ten_seconds_with_what_went_unsaid() -> None:
    times = iter((100.0, 101.0, 109.9, 110.0, 120.0))
    refusals = Refusals("audiosocket", clock=lambda: next(times))
    with capture_logs() as logs:
        for _ in range(5):
            refusals.add(Refusal.UNKNOWN, "someone")
    assert [(entry["reason"], entry["unsaid"]) for entry in logs] == [
        ("nobody expects it", 0),
        ("nobody expects it", 2),
        ("nobody expects it", 0),
    ]
    assert refusals.count == {Refusal.UNKNOWN: 5}


def test_reasons_do_not_hush_each_other() -> None:
    refusals = Refusals("audiosocket", clock=lambda: 0.0)
    with capture_logs() as logs:
        refusals.add(Refusal.UNKNOWN)
        refusals.add(Refusal.TOO_MANY)
    assert len(logs) == 2
