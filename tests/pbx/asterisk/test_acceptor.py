"""When descriptors run out, nobody is left waiting."""

import asyncio
import os
import resource
import socket
from contextlib import closing

from structlog.testing import capture_logs

from agent.pbx.asterisk.acceptor import Acceptor


async def test_without_descriptors_who_connects_is_turned_away_until_there_are_some() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    accepted: list[socket.socket] = []
    acceptor = Acceptor(listening, accepted.append)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with closing(socket.create_connection(listening.getsockname())) as turned_away:
        lowest_free = os.dup(0)
        os.close(lowest_free)
        with capture_logs() as logs:
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
            try:
                await asyncio.sleep(0.1)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert [entry["event"] for entry in logs] == ["cannot accept connections"]
        assert not accepted
        turned_away.settimeout(1.0)
        assert turned_away.recv(1) == b""
    with closing(socket.create_connection(listening.getsockname())), capture_logs() as logs:
        await asyncio.sleep(0.1)
        assert len(accepted) == 1
        accepted[0].close()
        again = "connections are accepted again"
        at = "{}:{}".format(*listening.getsockname())
        assert logs == [{"event": again, "at": at, "turned_away": 1, "log_level": "info"}]
    acceptor.close()


async def test_closing_during_a_pause_leaves_nothing_behind() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    acceptor = Acceptor(listening, lambda connection: connection.close())
    acceptor.close()
    assert listening.fileno() < 0
