"""Log in to a dashboard as a browser does: the page, the form and what is behind it."""

import re
from urllib.parse import urljoin

import requests

SECONDS = 60.0
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_STYLE = re.compile(r'<link[^>]+href="([^"]+\.css)"')
_USER = re.compile(r'class="user-name">([^<]*)<')
_REGION = re.compile(r'class="context-region">([^<]*)<')
_INSIDE = "project/api_access/"
"""A page that a member of any project may see, whatever services there are."""


def log_in(url: str, user: str, password: str) -> tuple[str, str]:
    """Log in and out again: the user whom the dashboard names, and the region, empty where there is only one.

    Raises OSError where the page is not whole, or nobody is let in.
    """
    with requests.Session() as browser:
        page = _page(browser, url)
        token, styles = _TOKEN.search(page.text), _STYLE.findall(page.text)
        if token is None or not styles:
            raise OSError(f"{page.url} is no page to log in at")
        for style in styles:
            kind = _page(browser, urljoin(url, style)).headers.get("Content-Type", "")
            if not kind.startswith("text/css"):
                raise OSError(f"{style} is no style sheet: {kind or 'without a type'}")
        form = {"username": user, "password": password, "region": "default", "csrfmiddlewaretoken": token[1]}
        # Django compares both with the address that it is asked at.
        origin = {"Referer": page.url, "Origin": url.rstrip("/")}
        # Where somebody is sent who is let in depends on what the cloud has.
        browser.post(page.url, data=form, headers=origin, timeout=SECONDS, allow_redirects=False).raise_for_status()
        inside = _page(browser, urljoin(url, _INSIDE))
        named, region = _USER.search(inside.text), _REGION.search(inside.text)
        browser.get(urljoin(url, "auth/logout/"), timeout=SECONDS, allow_redirects=False)
    if named is None:
        raise OSError(f"{user} was not let in: {inside.url}")
    return named[1], region[1] if region else ""


def _page(browser: requests.Session, url: str) -> requests.Response:
    answer = browser.get(url, timeout=SECONDS)
    answer.raise_for_status()
    return answer
