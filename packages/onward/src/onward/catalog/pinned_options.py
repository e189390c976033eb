"""Which options keep the value that a cloud was deployed with."""

from functools import cache
from importlib.resources import files

from pydantic import Field

from onward.catalog.fact import Fact
from onward.catalog.validation import validated

FILE = "pinned-options.yaml"


class PinnedOption(Fact):
    """An option whose default a release may change under a running cloud."""

    option: str = Field(description="SECTION.OPTION of a service's own files")
    gone: str | None = Field(default=None, description="What a release does that has the option no more")
    why: str
    source: str


@cache
def pinned_options() -> tuple[PinnedOption, ...]:
    """All of them, in the order of the catalogue. Raises InvalidCatalogue."""
    text = (files("onward.catalog") / "data" / FILE).read_text(encoding="utf-8")
    return validated(FILE, text, tuple[PinnedOption, ...])
