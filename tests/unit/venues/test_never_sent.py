"""Orders that provably never left: no such host, nobody there, a certificate that nobody vouches for. Real sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from venue_values import ManualClock, an_intent

from bot.environment import Environment
from bot.errors import Unavailable
from bot.venues.binance_open import make_binance
from bot.venues.bybit_open import make_bybit
from bot.venues.gateway import CcxtVenue

MAKERS = (make_binance, make_bybit)


class Directory(AbstractResolver):
    """Says of every host that it is on this machine at a port; without a port, that there is no such host."""

    def __init__(self, port: int | None) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET,
    ) -> list[ResolveResult]:
        del port
        if self._port is None:
            raise OSError(socket.EAI_NONAME, "Name or service not known")
        return [ResolveResult(hostname=host, host="127.0.0.1", port=self._port, family=family, proto=0,
                              flags=socket.AI_NUMERICHOST)]

    async def close(self) -> None:
        """There is nothing to release."""


@asynccontextmanager
async def told_of(make: Callable[..., CcxtVenue], port: int | None) -> AsyncIterator[CcxtVenue]:
    """A venue in its demo environment, whose hosts are where the directory says."""
    venue: Any = make(
        Environment.DEMO, clock=ManualClock(), key="k-planted", secret="s-planted", assets=("BTC",), timeout=2.0)
    venue._exchange.open()
    venue._exchange.session._session.connector._resolver = Directory(port)
    try:
        yield venue
    finally:
        await venue.close()


@pytest.mark.fault(11)
@pytest.mark.parametrize("make", MAKERS)
async def test_without_such_a_host_nothing_was_sent(make: Callable[..., CcxtVenue]) -> None:
    async with told_of(make, None) as venue:
        with pytest.raises(Unavailable, match="could not be reached"):
            await venue.place(an_intent())


@pytest.mark.fault(11)
@pytest.mark.parametrize("make", MAKERS)
async def test_where_nobody_listens_nothing_was_sent(make: Callable[..., CcxtVenue]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening: a connection is refused
        async with told_of(make, taken.getsockname()[1]) as venue:
            with pytest.raises(Unavailable, match="could not be reached"):
                await venue.place(an_intent())


@pytest.mark.fault(11)
@pytest.mark.parametrize("make", MAKERS)
async def test_to_a_host_whose_certificate_nobody_vouches_for_nothing_is_sent(
    make: Callable[..., CcxtVenue], tmp_path: Path,
) -> None:
    (tmp_path / "host.pem").write_text(SELF_MADE)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "host.pem")
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read())
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=tls)
    async with server, told_of(make, server.sockets[0].getsockname()[1]) as venue:
        with pytest.raises(Unavailable, match="could not be reached"):
            await venue.place(an_intent())
    assert heard == b""


SELF_MADE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgI3fWsl/yWBATA0Gh
qzAztTdiq7/Qpp7Bbve2NNNic6OhRANCAATTIS7R4Axne8gUe75frrA9swZxHeO/
bjB5tMAtNUeubas7+dzois9JNi0VitFm2sPLwPF2mXd04I0vh/JMGkE+
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBzjCCAXWgAwIBAgIUYT6ARGczJMk22Dilivlxpn5sWUgwCgYIKoZIzj0EAwIw
IDEeMBwGA1UEAwwVZGVtby1mYXBpLmJpbmFuY2UuY29tMCAXDTI2MTEyMjE5Mzkz
OVoYDzIxMjYxMDI5MTkzOTM5WjAgMR4wHAYDVQQDDBVkZW1vLWZhcGkuYmluYW5j
ZS5jb20wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATTIS7R4Axne8gUe75frrA9
swZxHeO/bjB5tMAtNUeubas7+dzois9JNi0VitFm2sPLwPF2mXd04I0vh/JMGkE+
o4GKMIGHMB0GA1UdDgQWBBTCzyF9PFfmUIYwpntVEK02CV9SLjAfBgNVHSMEGDAW
gBTCzyF9PFfmUIYwpntVEK02CV9SLjAPBgNVHRMBAf8EBTADAQH/MDQGA1UdEQQt
MCuCFWRlbW8tZmFwaS5iaW5hbmNlLmNvbYISYXBpLWRlbW8uYnliaXQuY29tMAoG
CCqGSM49BAMCA0cAMEQCIHzuLiGIVTgwgZ8dWkcLf/Hwqpocb/ir3g3SoAyscf11
AiAg3vlRd5N/Vx2lsO9CP73C0C1RKxm+nrs+Vhkr+28EgA==
-----END CERTIFICATE-----
"""
"""A key, and a certificate in the names of both venues' demo hosts that it signed itself."""
