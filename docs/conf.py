"""Sphinx configuration."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "Onward"
copyright = "The Onward developers"
extensions = ["myst_parser", "reference_pages"]
html_theme = "furo"
html_title = "Onward"
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
