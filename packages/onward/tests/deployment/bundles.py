"""Bundles that tests deploy."""

KEYSTONE = """\
name: {name}
applications:
  mariadb:
  memcached:
  keystone:
    channel: "2025.1"
    num_units: 2
    options: {{workers: 1, token.expiration: 7200}}
  haproxy:
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [keystone, memcached]
  - [haproxy, keystone]
"""

CLUSTERS = """\
name: {name}
applications:
  mariadb: {{num_units: 3}}
  rabbitmq-server: {{num_units: 3}}
"""
