"""The APIs of a cloud, asked with somebody's credentials. They can only be read: GET and HEAD are all there is."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import requests
from keystoneauth1 import loading
from keystoneauth1.exceptions import ClientException
from keystoneauth1.session import Session

from onward.checks.endpoints import Endpoint
from onward.errors import ApiUnavailable
from onward.model.yaml_text import NotYaml, read_yaml

TIMEOUT_SECONDS = 20.0
"""For one request, from the first attempt to connect."""


class CloudApi:
    """A cloud's APIs. May be used by several threads. Every method raises ApiUnavailable."""

    def __init__(
        self, session: Session, region: str | None = None, at: "Callable[[str], CloudApi] | None" = None
    ) -> None:
        self._session = session
        self._at = at
        self.region = region
        """The region that was asked for, where one was."""

    @property
    def identity_url(self) -> str:
        """Where tokens come from."""
        return str(getattr(self._session.auth, "auth_url", "") or "")

    @property
    def verify(self) -> bool | str:
        """Whether certificates are verified, or the file with the authorities that are trusted."""
        return cast("bool | str", self._session.verify)

    def catalogue(self) -> tuple[Endpoint, ...]:
        """All URLs of all services and regions."""
        return tuple(
            Endpoint(
                service=str(service.get("name") or ""),
                service_type=str(service.get("type") or ""),
                interface=str(endpoint.get("interface") or ""),
                region=str(endpoint.get("region_id") or endpoint.get("region") or ""),
                url=str(endpoint.get("url") or ""),
                id=str(endpoint.get("id") or ""),
            )
            for service in self._access().service_catalog.catalog
            for endpoint in service.get("endpoints", [])
        )

    def registered(self) -> tuple[Endpoint, ...]:
        """All endpoints that are enabled, as they were registered, also those that no catalogue shows.

        Needs the role reader of the system, or admin.
        """
        services = {each["id"]: each for each in self._listed("services")}
        return tuple(
            Endpoint(
                service=str(service.get("name") or ""),
                service_type=str(service.get("type") or ""),
                interface=str(endpoint.get("interface") or ""),
                region=str(endpoint.get("region_id") or ""),
                url=str(endpoint.get("url") or ""),
                id=str(endpoint.get("id") or ""),
            )
            for endpoint in self._listed("endpoints")
            if endpoint.get("enabled", True)
            and (service := services.get(endpoint.get("service_id"))) is not None
            and service.get("enabled", True)
        )

    def _listed(self, what: str) -> list[dict[str, Any]]:
        base = self.identity_url.rstrip("/")
        answer = self.get(f"{base if base.endswith('/v3') else f'{base}/v3'}/{what}")
        try:
            return [dict(each) for each in answer.json()[what]]
        except (ValueError, KeyError, TypeError):
            raise ApiUnavailable(
                f"The identity API does not list {what}.", evidence=f"it answers with {answer.status_code}"
            ) from None

    def at(self, identity_url: str) -> "CloudApi":
        """The same credentials, given to another unit of the identity service: ``http://10.0.0.1:5000/v3``."""
        if self._at is None:
            raise ApiUnavailable("These credentials can only be given to the URL that they came with.")
        return self._at(identity_url)

    def token(self) -> str:
        """A token for these credentials. It is a secret."""
        return str(self._asked(self._session.get_token))

    def accepts(self, identity_url: str, token: str) -> bool:
        """Whether a unit of the identity service takes a token for good."""
        answer = self._request(
            "GET", f"{identity_url}/auth/catalog", authenticated=False, headers={"X-Auth-Token": token}
        )
        if answer.status_code not in (requests.codes.ok, requests.codes.unauthorized):
            raise ApiUnavailable(
                "A unit does not say what it thinks of a token.", evidence=f"it answers {answer.status_code}"
            )
        return bool(answer.status_code == requests.codes.ok)

    def roles(self) -> tuple[str, ...]:
        """Names of the roles that the credentials have in their scope."""
        return tuple(self._access().role_names)

    def _access(self) -> Any:
        """What came with the token."""
        plugin: Any = self._session.auth
        return self._asked(lambda: plugin.get_access(self._session))

    def get(
        self,
        url: str,
        *,
        authenticated: bool = True,
        timeout_seconds: float = TIMEOUT_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer to a GET of a full URL (a requests.Response), whatever its status; redirects are followed."""
        return self._request("GET", url, authenticated=authenticated, timeout_seconds=timeout_seconds, headers=headers)

    def head(self, url: str, *, authenticated: bool = True, timeout_seconds: float = TIMEOUT_SECONDS) -> Any:
        """The same for HEAD."""
        return self._request("HEAD", url, authenticated=authenticated, timeout_seconds=timeout_seconds)

    def url_of(self, service_type: str, interface: str = "public") -> str | None:
        """The URL of a service in the chosen region; None where the catalogue has none."""
        return next(
            (
                each.url
                for each in self.catalogue()
                if each.service_type == service_type
                and each.interface == interface
                and self.region in (None, each.region)
            ),
            None,
        )

    def _request(
        self,
        method: Literal["GET", "HEAD"],
        url: str,
        *,
        authenticated: bool,
        timeout_seconds: float = TIMEOUT_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        def ask() -> Any:
            return self._session.request(
                url,
                method,
                authenticated=authenticated,
                raise_exc=False,
                timeout=timeout_seconds,
                connect_retries=0,
                headers=dict(headers or {}),
                log=False,
            )

        return cast("requests.Response", self._asked(ask))

    @staticmethod
    def _asked(ask: Any) -> Any:
        try:
            return ask()
        except (ClientException, requests.RequestException, OSError) as error:
            raise ApiUnavailable("The cloud's API cannot be asked.", evidence=_words(error)) from None


def _words(error: Exception) -> str:
    """What went wrong, without the layers of libraries that it went through."""
    text = f"{type(error).__name__}: {error}"
    begin, _, rest = text.partition(": HTTP")
    system = re.search(r"\[(Errno -?\d+|SSL: [A-Z0-9_]+)\] [^'\"()]+", rest)
    return f"{begin}: {system[0].strip()}" if system else begin if "ConnectionPool" in rest else text


def cloud_api(cloud: str | None = None, environment: Mapping[str, str] = os.environ) -> CloudApi:
    """The APIs of a cloud of clouds.yaml, or of the OS_* variables. Nothing is asked yet.

    Without a name, OS_CLOUD is taken, and without that the other variables. Raises ApiUnavailable.
    """
    name = cloud or environment.get("OS_CLOUD")
    described = _of_clouds_yaml(name, environment) if name else _of_variables(environment)
    auth = dict(described.get("auth") or {})
    kind = str(described.get("auth_type") or _kind_of(auth))
    if kind.endswith("password"):
        # As openstacksdk does: most clouds have one domain that people know of.
        for domain in ("user_domain", "project_domain"):
            if not auth.get(f"{domain}_id") and not auth.get(f"{domain}_name"):
                auth[f"{domain}_id"] = "default"
        if auth.get("system_scope"):
            auth = {key: value for key, value in auth.items() if not key.startswith("project_")}
    verify: bool | str = described.get("verify", True) is not False and (described.get("cacert") or True)
    certificate = described.get("cert")
    pair = (certificate, described["key"]) if certificate and described.get("key") else certificate
    region = described.get("region_name")

    def made(plugin: Any, at: Callable[[str], CloudApi] | None = None) -> CloudApi:
        session = Session(plugin, verify=verify, cert=pair, timeout=TIMEOUT_SECONDS)
        return CloudApi(session, region and str(region), at)

    def at(url: str) -> CloudApi:
        # The kinds that ask a URL for its versions first would be sent on to the public one.
        return made(_plugin(f"v3{kind}" if kind in ("password", "token") else kind, {**auth, "auth_url": url}))

    return made(_plugin(kind, auth), at)


def _plugin(kind: str, auth: Mapping[str, Any]) -> Any:
    """What keystoneauth makes of credentials. Raises ApiUnavailable."""
    try:
        loader: Any = loading.get_plugin_loader(kind)
        known = {option.dest for option in loader.get_options()}
        return loader.load_from_options(**{key: value for key, value in auth.items() if key in known})
    except ClientException as error:
        raise ApiUnavailable(
            "The credentials for the cloud's API are not complete.", evidence=str(error), next_command=_SAY_WHO
        ) from None


def names_credentials(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the variables name a cloud to ask."""
    return bool(environment.get("OS_CLOUD") or environment.get("OS_AUTH_URL"))


_SAY_WHO = "set OS_CLOUD or the variables of an openrc file, or name a cloud of clouds.yaml in the cloud file"


def _kind_of(auth: Mapping[str, Any]) -> str:
    if auth.get("application_credential_secret"):
        return "v3applicationcredential"
    if auth.get("token"):
        return "token"
    return "password"


def _of_variables(environment: Mapping[str, str]) -> dict[str, Any]:
    """As ``openrc`` files set them."""
    values = {
        name.removeprefix("OS_").lower(): value
        for name, value in environment.items()
        if name.startswith("OS_") and value
    }
    if not values.get("auth_url"):
        raise ApiUnavailable("There are no credentials for the cloud's API.", next_command=_SAY_WHO)
    if "tenant_name" in values:
        values.setdefault("project_name", values["tenant_name"])
    return {
        "auth": values,
        "auth_type": values.get("auth_type"),
        "region_name": values.get("region_name"),
        "cacert": values.get("cacert"),
        "cert": values.get("cert"),
        "key": values.get("key"),
        "verify": values.get("insecure", "").lower() not in ("1", "true", "yes"),
    }


def _of_clouds_yaml(name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """One cloud of the first clouds.yaml that is found, with its secrets from secure.yaml."""
    found: dict[str, Any] = {}
    places: list[str] = []
    for file, chosen in (("clouds", "OS_CLIENT_CONFIG_FILE"), ("secure", "OS_CLIENT_SECURE_FILE")):
        candidates = [Path(environment[chosen])] if environment.get(chosen) else _candidates(file)
        places += [str(path) for path in candidates if file == "clouds"]
        path = next((each for each in candidates if each.is_file()), None)
        clouds = _read_yaml(path).get("clouds") if path is not None else None
        if isinstance(clouds, dict) and isinstance(clouds.get(name), dict):
            found = _merged(found, clouds[name])
    if not found:
        raise ApiUnavailable(
            f"No clouds.yaml has a cloud called {name!r}.", evidence=f"looked at {', '.join(places)}"
        ) from None
    return found


def _candidates(file: str) -> list[Path]:
    directories = [Path.cwd(), Path.home() / ".config" / "openstack", Path("/etc/openstack")]
    return [directory / f"{file}{ending}" for directory in directories for ending in (".yaml", ".yml", ".json")]


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        data = read_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, NotYaml) as error:
        # A line of YAML that is quoted could be one with a password.
        where = error.where if isinstance(error, NotYaml) else type(error).__name__
        raise ApiUnavailable(f"{path} cannot be read.", evidence=where) from None
    return data if isinstance(data, dict) else {}


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        former = merged.get(key)
        merged[key] = _merged(former, value) if isinstance(former, dict) and isinstance(value, dict) else value
    return merged
