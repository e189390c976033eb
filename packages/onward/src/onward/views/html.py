"""Pages that need nothing else: one HTML file, no script, nothing fetched, everything from outside escaped."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from onward.views.words import counted, duration, harmless, moment


def standalone(
    template: str, styles: tuple[str, ...], filters: Mapping[str, Callable[..., Any]], context: Mapping[str, Any]
) -> str:
    """A page from one of our templates, with our own styles in it. No script can run in it."""
    environment = Environment(
        loader=PackageLoader("onward.views"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalized,
    )
    environment.filters.update(duration=duration, moment=moment, counted=counted, **filters)
    style = "\n".join(environment.get_template(name).render() for name in styles)
    return environment.get_template(template).render(
        style=Markup("{}").format(Markup(style)),  # noqa: S704 - our own files
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        **context,
    )


def finalized(value: Any) -> Any:
    """Text from outside, without control characters; Jinja escapes it afterwards."""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value
