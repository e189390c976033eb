"""Files that a WSGI server answers with itself, past the application: how uWSGI and Apache are told. Pure."""

from collections.abc import Mapping
from pathlib import PurePath

from onward.catalog.charm import Uwsgi
from onward.plan.deployment.words import Words

TYPES_FILE = "etc/mime.types"
TYPES = """\
application/javascript js mjs
application/json json map
application/vnd.ms-fontobject eot
font/otf otf
font/ttf ttf
font/woff woff
font/woff2 woff2
image/gif gif
image/jpeg jpeg jpg
image/png png
image/svg+xml svg
image/x-icon ico
text/css css
text/html htm html
text/plain txt
"""
"""https://www.iana.org/assignments/media-types. A machine need not have a list of its own, and a browser takes no style
sheet that is called plain text."""


def uwsgi_lines(words: Words, unit: str, wsgi: Uwsgi) -> list[str]:
    """https://uwsgi-docs.readthedocs.io/en/latest/StaticFiles.html."""
    if not wsgi.static:
        return []
    types = PurePath(words.site.unit_directory(unit)) / TYPES_FILE
    maps = [f"static-map = {path}={directory}" for path, directory in _static(words, unit, wsgi).items()]
    return [f"mimefile = {types}", *maps]


def apache_lines(words: Words, unit: str, wsgi: Uwsgi, modules: PurePath) -> str:
    """https://httpd.apache.org/docs/2.4/mod/mod_alias.html: its aliases come before those of mod_wsgi."""
    if not wsgi.static:
        return ""
    lines = [
        f"LoadModule alias_module {modules}/mod_alias.so",
        f"LoadModule mime_module {modules}/mod_mime.so",
        f'TypesConfig "{PurePath(words.site.unit_directory(unit)) / TYPES_FILE}"',
    ]
    for path, directory in _static(words, unit, wsgi).items():
        lines += [
            f'Alias {path} "{directory}"',
            f'<Directory "{directory}">',
            "    Require all granted",
            "</Directory>",
        ]
    return "\n".join(lines) + "\n"


def _static(words: Words, unit: str, wsgi: Uwsgi) -> Mapping[str, str]:
    return {path: words.fill(directory, unit) for path, directory in wsgi.static.items()}
