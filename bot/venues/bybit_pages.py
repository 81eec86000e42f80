"""Lists that Bybit gives by pages: read to their end, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeAlias

from bot.errors import Unavailable
from bot.venues.bybit_replies import cursor, listed
from bot.venues.failures import Endpoint
from bot.venues.gateway import CcxtVenue, Params, valid
from bot.venues.replies import Row

MOST_PAGES = 1_000
"""More pages than any list of ours can have: a cursor that leads on beyond leads in circles."""

Page: TypeAlias = tuple[tuple[Row, ...], str | None]
"""Rows, and where the next page begins."""


async def pages(venue: CcxtVenue, endpoint: Endpoint, params: Params) -> AsyncIterator[tuple[Row, ...]]:
    """Page after page until one is empty or leads nowhere. Raises Unavailable, Refused."""
    page = await venue.read(endpoint, params, _page)
    yield page[0]
    async for following in _rest(venue, endpoint, params, page):
        yield following


async def every(venue: CcxtVenue, endpoint: Endpoint, params: Params) -> tuple[Row, ...]:
    """All rows of a list."""
    return tuple([entry async for page in pages(venue, endpoint, params) for entry in page])


async def rest_of(
    venue: CcxtVenue, endpoint: Endpoint, params: Params, first: object, *, limit: int,
) -> tuple[Row, ...]:
    """All rows of a list whose first page was read already. Of a page that is not full, Bybit gives a cursor too."""
    page = valid(lambda: _page(first))
    if len(page[0]) < limit:
        return page[0]
    return (*page[0], *[entry async for more in _rest(venue, endpoint, params, page) for entry in more])


async def _rest(venue: CcxtVenue, endpoint: Endpoint, params: Params, page: Page) -> AsyncIterator[tuple[Row, ...]]:
    seen: set[str] = set()
    while page[0] and page[1] is not None:
        if page[1] in seen or len(seen) >= MOST_PAGES:
            raise Unavailable(f"{endpoint}: its pages have no end")
        seen.add(page[1])
        page = await venue.read(endpoint, {**params, "cursor": page[1]}, _page)
        yield page[0]


def _page(reply: object) -> Page:
    return listed(reply, "page"), cursor(reply)
