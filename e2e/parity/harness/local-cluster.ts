import { LOCAL_CLUSTER } from '@meltemi/protos-types';

/** Where the proxies under test are. */
export const PROXY_LOCALITY = { region: 'here', zone: 'a' } as const;

/** The others of their service: as many in the next zone as in their own. Nobody calls them. */
export const LOCAL_ENDPOINTS = {
  cluster_name: LOCAL_CLUSTER,
  endpoints: ['a', 'b'].map((zone, index) => ({
    locality: { region: 'here', zone },
    lb_endpoints: [{ endpoint: { address: { socket_address: { address: `127.0.9.${index + 1}`, port_value: 9 } } } }],
  })),
};

/** What Envoy has in its bootstrap. */
export const LOCAL_STATIC_CLUSTER = {
  name: LOCAL_CLUSTER,
  type: 'EDS',
  connect_timeout: '1s',
  eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } },
};
