"""Services that can be taken to another release while they serve, on two units each behind a load balancer."""

SERVICES = ("keystone", "placement", "glance")
BUNDLE = """\
name: rolled
applications:
  mariadb:
  memcached:
  keystone: {{channel: "{channel}", num_units: 2, options: {{workers: 1}}}}
  placement: {{channel: "{channel}", num_units: 2}}
  glance: {{channel: "{channel}", num_units: 2}}
  haproxy:
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [placement:shared-db, mariadb:shared-db]
  - [glance:shared-db, mariadb:shared-db]
  - [keystone, memcached]
  - [placement, memcached]
  - [glance, memcached]
  - [placement, keystone:identity-service]
  - [glance, keystone:identity-service]
  - [haproxy, keystone]
  - [haproxy, placement]
  - [haproxy, glance]
"""
"""The model ``rolled``, at a ``channel``."""
