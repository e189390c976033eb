"""Tells Neutron that there is an Open vSwitch agent on each of the hosts named, so that ports can be bound there.

Runs in Neutron's own environment and speaks through its own code: what is simulated is the switch, nothing of
Neutron. It belongs to computes with Nova's fake driver. Arguments: a configuration file, then the hosts.
"""

import sys
import time

from neutron.agent.rpc import PluginReportStateAPI
from neutron.common import config
from neutron.conf.agent import common as agent_config
from neutron_lib import context, rpc
from neutron_lib.agent import topics
from oslo_config import cfg

EVERY_SECONDS = 20.0


def state_of(host):
    """As neutron/plugins/ml2/drivers/openvswitch/agent/ovs_neutron_agent.py reports it."""
    return {
        "agent_type": "Open vSwitch agent",
        "binary": "neutron-openvswitch-agent",
        "host": host,
        "topic": "N/A",
        "configurations": {
            "bridge_mappings": {},
            "tunnel_types": ["vxlan"],
            "tunneling_ip": "127.0.0.1",
            "datapath_type": "system",
            "integration_bridge": "br-int",
            "ovs_hybrid_plug": False,
        },
        "start_flag": True,
    }


def main(configuration, hosts):
    """Report for ever."""
    config.register_common_config_options()
    agent_config.register_agent_state_opts_helper(cfg.CONF)
    config.init(["--config-file", configuration])
    config.setup_logging()
    rpc.init(cfg.CONF)
    plugin = PluginReportStateAPI(topics.REPORTS)
    states = [state_of(host) for host in hosts]
    while True:
        for state in states:
            try:
                plugin.report_state(context.get_admin_context_without_session(), state, use_call=True)
            except Exception as error:  # It goes on, as the agent does.
                print(f"{state['host']}: {type(error).__name__}: {error}", flush=True)
            else:
                state.pop("start_flag", None)
        time.sleep(EVERY_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
