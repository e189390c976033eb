"""What is told of options before a bundle file takes back what was set since."""

from onward.model.bundle import parse_bundle
from onward.model.bundle_edit import with_options
from onward.model.option_changes import option_changes

BUNDLE = parse_bundle("applications: {keystone: {num_units: 2, options: {debug: true}}, memcached: }", "cloud.yaml")


def test_what_is_set_otherwise_is_named_without_its_value() -> None:
    changed = with_options(BUNDLE, "keystone", {"debug": "false", "token.expiration": "600"})
    changed = with_options(changed, "keystone/1", {"default.password": "not-to-be-shown"})
    assert option_changes(changed, BUNDLE) == [
        "keystone: debug has another value",
        "keystone: token.expiration is not set any more",
        "keystone/1: default.password is not set any more",
    ]
    assert "keystone: token.expiration is set" in option_changes(BUNDLE, changed)
    assert option_changes(BUNDLE, BUNDLE) == []


def test_of_an_application_that_comes_or_goes_nothing_is_told() -> None:
    other = parse_bundle("applications: {memcached: }", "cloud.yaml")
    assert option_changes(BUNDLE, other) == option_changes(other, BUNDLE) == []
