"""What can be set or asked for is documented."""

import dataclasses
import sys
from pathlib import Path

from onward_service.options import Options

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "docs"))
import reference_pages  # noqa: E402


def test_every_option_is_in_the_reference() -> None:
    page = reference_pages.service_options_page()
    names = [each.name for each in dataclasses.fields(Options) if each.name != "given"]
    assert [name for name in names if f"`{name}`\n: " not in page] == []
    assert "`5.0`" in page


def test_every_path_is_in_the_how_to() -> None:
    page = (ROOT / "docs" / "how-to" / "service-health.md").read_text()
    for path in ("/health", "/health/live", "/health/ready", "/health/metrics", "/health/details", "/health/probe"):
        assert path in page
