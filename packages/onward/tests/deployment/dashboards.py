"""Bundles with a dashboard that two regions use, and the files of a unit in a plan of them."""

from onward.model.deployment import UnitState
from onward.plan.plan import Plan

ONE = """\
name: region-one
applications:
  mariadb:
    offers:
      database: {endpoints: [shared-db]}
  memcached:
  keystone:
    options: {workers: 1}
    offers:
      keystone: {endpoints: [identity-service]}
  placement:
  openstack-dashboard:
    num_units: 2
    options: {workers: 1}
    unit-options: {"1": {wsgi-server: apache}}
    offers:
      dashboard: {endpoints: [dashboard]}
  haproxy:
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [keystone, memcached]
  - [placement:shared-db, mariadb:shared-db]
  - [placement:identity-service, keystone:identity-service]
  - [openstack-dashboard, keystone]
  - [openstack-dashboard, memcached]
  - [haproxy, keystone]
  - [haproxy, placement]
  - [haproxy, openstack-dashboard]
"""
TWO = """\
name: region-two
saas:
  database: {url: region-one.database}
  keystone: {url: region-one.keystone, options: {region: RegionTwo}}
  dashboard: {url: region-one.dashboard, options: {region: RegionTwo}}
applications:
  placement:
  haproxy:
relations:
  - [placement:shared-db, database:shared-db]
  - [placement:identity-service, keystone:identity-service]
  - [haproxy, placement]
  - [haproxy, dashboard]
"""


def files_of(plan: Plan, unit: str) -> dict[str, str]:
    state = UnitState.model_validate({**plan.step(f"configure/{unit}").arguments["state"], "processes": []})  # type: ignore[dict-item]
    return {file.path: file.text for file in state.files}
