"""Prometheus reads what the service counts."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.service.metrics import CONTENT_TYPE, Counter, Histogram, Metrics, MetricsServer

SAMPLE = re.compile(r'^[a-z_]+(\{([a-z_]+="(\\.|[^"\\])*",?)+\})? [0-9.e+-]+$')


@asynccontextmanager
async def served(metrics: Metrics) -> AsyncIterator[int]:
    server = MetricsServer(metrics)
    port = await server.start("127.0.0.1", 0)
    try:
        yield port
    finally:
        await server.close()


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_a_counter_counts_each_combination_of_labels() -> None:
    counter = Counter("calls_total", "Calls.", ("trunk", "outcome"))
    counter.add("a", "ringing")
    counter.add("a", "ringing")
    counter.add("b", "music", by=2.5)
    assert counter.lines() == [
        'calls_total{trunk="a",outcome="ringing"} 2',
        'calls_total{trunk="b",outcome="music"} 2.5',
    ]
    assert counter.value("c", "silence") == 0.0


def test_a_counter_without_labels_starts_at_zero() -> None:
    assert Counter("lost_total", "Lost.").lines() == ["lost_total 0"]


def test_a_large_count_keeps_its_last_digit() -> None:
    counter = Counter("seconds_total", "Seconds.")
    counter.add(by=123_456_789.0)
    counter.add()
    assert counter.lines() == ["seconds_total 123456790"]


def test_a_histogram_counts_up_to_each_bound() -> None:
    histogram = Histogram("delay_seconds", "Delay.", (0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(seconds)
    assert histogram.lines() == [
        'delay_seconds_bucket{le="0.1"} 2',
        'delay_seconds_bucket{le="1"} 3',
        'delay_seconds_bucket{le="+Inf"} 4',
        "delay_seconds_sum 7.65",
        "delay_seconds_count 4",
    ]


@given(st.lists(st.floats(0.0, 1e6)))
def test_buckets_never_fall_and_the_last_holds_all(durations: list[float]) -> None:
    histogram = Histogram("delay_seconds", "Delay.")
    for seconds in durations:
        histogram.observe(seconds)
    counts = [int(line.rsplit(" ", 1)[1]) for line in histogram.lines() if "_bucket" in line]
    assert counts == sorted(counts)
    assert counts[-1] == len(durations)


@given(st.text())
def test_any_label_is_escaped_to_one_line(trunk: str) -> None:
    metrics = Metrics()
    metrics.calls.add(trunk)
    (line,) = metrics.calls.lines()
    assert "\n" not in line
    quoted = re.fullmatch(r'earlymedia_calls_total\{trunk="((?:\\.|[^"\\])*)"\} 1', line, re.DOTALL)
    assert quoted is not None
    assert re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), quoted[1]) == trunk


def test_every_sample_is_well_formed_and_every_metric_explained() -> None:
    metrics = Metrics()
    metrics.calls.add("carrier")
    metrics.verdicts.add("carrier", "ringing")
    metrics.hearing_delay.observe(0.0123)
    text = metrics.render()
    assert text.endswith("\n")
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in samples if not SAMPLE.match(line)] == []
    named = set(re.findall(r"^# TYPE (\S+) (?:counter|gauge|histogram)$", text, re.MULTILINE))
    explained = set(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE))
    assert named == explained
    assert {re.sub(r"_(bucket|sum|count)$", "", re.split(r"[{ ]", line)[0]) for line in samples} <= named


async def test_metrics_are_served_over_http() -> None:
    metrics = Metrics()
    metrics.calls.add("carrier", by=3)
    async with served(metrics) as port:
        answer = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Type: {CONTENT_TYPE}".encode() in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert b'earlymedia_calls_total{trunk="carrier"} 3\n' in body


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"404 Not Found"),
        (b"GET /metrics?x=1 HTTP/1.1\r\n\r\n", b"200 OK"),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"200 OK"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"\x16\x03\x01\x02\r\n\r\n", b"400 Bad Request"),
    ],
)
async def test_other_requests_get_an_answer_too(request_bytes: bytes, status: bytes) -> None:
    async with served(Metrics()) as port:
        assert (await ask(port, request_bytes)).startswith(b"HTTP/1.1 " + status)


async def test_a_request_without_end_is_cut_off_and_the_next_is_served() -> None:
    async with served(Metrics()) as port:
        assert await ask(port, b"GET /metrics HTTP/1.1\r\n" + 20_000 * b"x") == b""
        assert b"200 OK" in await ask(port, b"GET /metrics HTTP/1.0\r\n\r\n")
