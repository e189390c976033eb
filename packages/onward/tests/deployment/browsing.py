"""Somebody who uses the dashboard with a browser."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urljoin

import requests
from deploying import Operator


class Browser:
    """Somebody with a browser, at one address of the dashboard."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()

    def page(self, path: str) -> requests.Response:
        return self._session.get(urljoin(self.url, path), timeout=120)

    def log_in(self, user: str, password: str) -> requests.Response:
        page = self.page("/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token, page.text[:500]
        form = {"username": user, "password": password, "region": "default", "csrfmiddlewaretoken": token[1]}
        origin = {"Referer": page.url, "Origin": self.url.rstrip("/")}
        return self._session.post(page.url, data=form, headers=origin, timeout=120, allow_redirects=False)

    def region(self, path: str) -> str:
        """The region that a page is of, as it says in its head."""
        page = self.page(path)
        found = re.search(r'class="context-region">([^<]*)<', page.text)
        assert page.status_code == 200
        assert found, page.url
        return found[1]

    def switch(self, region: str, path: str) -> None:
        """Choose another region in the head of a page."""
        link = re.search(rf'href="(/auth/switch_services_region/{region}/[^"]*)"', self.page(path).text)
        assert link
        assert self.page(link[1]).status_code == 200


@contextmanager
def logged_in(operator: Operator, model: str) -> Iterator[Browser]:
    """The administrator at the address that the model's status says."""
    url = re.search(r"dashboard: (http://\S+/)", operator.run("status", model).stderr)
    assert url
    browser = Browser(url[1])
    password = operator.store("region-one").secrets()["keystone/admin-password"]
    assert browser.log_in("admin", password).status_code == 302
    yield browser
    browser.page("/auth/logout/")
    assert "/auth/login/" in browser.page("/identity/").url
