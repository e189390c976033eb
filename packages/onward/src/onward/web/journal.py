"""The journal as it grows: every event has its number, and whoever was away says which one they saw last."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from onward.engine.journal import Journal
from onward.engine.record import Event
from onward.engine.runs import all_events, last_number
from onward.views.events import GRAVE, words_of
from onward.views.words import moment
from onward.web.guard import secret_of
from onward.web.site import page, site_of

LOOK_SECONDS = 0.4
QUIET_SECONDS = 15.0
"""After so long without an event something is sent, so that a dead connection is noticed."""
MOST_AT_ONCE = 500
MOST_SHOWN = 200
MOST_LISTENERS = 40


def show_journal(request: Request) -> Response:
    """The latest events; the page goes on with those after them."""
    directories = site_of(request).directories
    before = max(last_number(directories) - MOST_SHOWN, 0)
    found = all_events(directories, before, MOST_SHOWN * 2)
    after = found[-1].number if found else 0
    return page(request, "journal.html", {"events": [shown(each) for each in reversed(found)], "after": after})


class Listening:
    """Sends events to browsers, each as ``text/event-stream`` with the journal's own number as its id."""

    def __init__(self) -> None:
        self._listeners = 0
        self.closing = asyncio.Event()

    async def listen(self, request: Request) -> Response:
        """Begin after the last number that the browser has seen."""
        if self._listeners >= MOST_LISTENERS:
            return PlainTextResponse("Too many pages are open.\n", 503)
        numbers = (request.headers.get("last-event-id", ""), request.query_params.get("after", ""))
        after = max(_number(each) for each in numbers)
        return StreamingResponse(
            self._events(request, after), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
        )

    async def _events(self, request: Request, after: int) -> AsyncIterator[str]:
        site, secret = site_of(request), secret_of(request)
        self._listeners += 1
        # Kept open while somebody listens: a store is another machine's.
        opened: Journal | None = None
        try:
            yield "retry: 1000\n\n"
            quiet = 0.0
            while site.sessions.find(secret) is not None and not self.closing.is_set():
                if opened is None and site.directories.journaled:
                    opened = await run_in_threadpool(Journal, site.directories.journal)
                found = await run_in_threadpool(opened.all_events, after, MOST_AT_ONCE) if opened is not None else []
                for each in found:
                    after = each.number
                    yield f"id: {after}\nevent: journal\ndata: {json.dumps(shown(each))}\n\n"
                quiet = 0.0 if found else quiet + LOOK_SECONDS
                if quiet >= QUIET_SECONDS:
                    quiet = 0.0
                    yield ": nothing happens\n\n"
                if not found:
                    await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._listeners -= 1
            if opened is not None:
                opened.close()


def shown(event: Event) -> dict[str, Any]:
    """An event as pages show it."""
    return {
        "number": event.number,
        "run": event.run_id,
        "at": moment(event.at),
        "kind": event.kind,
        "words": words_of(event),
        "grave": event.kind in GRAVE,
    }


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
