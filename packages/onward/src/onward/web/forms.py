"""Reads forms: small, and only those that bring the proof that they are of a page of ours."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from onward.web.guard import secret_of
from onward.web.sessions import proof_of, same

MOST_BYTES = 64 * 1024
MOST_FIELDS = 50
PROOF = "proof"

Form = Mapping[str, str]


async def form_of(request: Request, secret: str) -> Form:
    """The first value of each field. ``secret`` is that of which it has to bring the proof. Raises HTTPException."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise HTTPException(415, "Only forms are taken.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "This is too much.")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise HTTPException(400, "This is no form.") from None
    form: dict[str, str] = {}
    for name, value in pairs:
        form.setdefault(name, value.replace("\0", ""))
    if not secret or not same(form.get(PROOF, ""), proof_of(secret)):
        raise HTTPException(403, "This form has become too old: load its page again.")
    return form


def posted(handle: Callable[[Request, Form], Response]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for forms of people who are logged in; ``handle`` may take its time."""

    async def endpoint(request: Request) -> Response:
        form = await form_of(request, secret_of(request))
        return await run_in_threadpool(handle, request, form)

    return endpoint
