import { ANY_TYPE, EXTENSION_NAME, packAny, type Listener } from '@meltemi/protos-types';

/** A listener with most of what the mesh puts into one. */
export const listener: Listener = {
  name: 'virtualInbound',
  address: { socket_address: { address: '0.0.0.0', port_value: 15006 } },
  traffic_direction: 'INBOUND',
  bind_to_port: false,
  listener_filters_timeout: '0.1s',
  listener_filters: [
    { name: EXTENSION_NAME.originalDst, typed_config: packAny(ANY_TYPE.originalDst, {}) },
    {
      name: EXTENSION_NAME.tlsInspector,
      typed_config: packAny(ANY_TYPE.tlsInspector, {}),
      filter_disabled: { destination_port_range: { start: 3306, end: 3307 } },
    },
  ],
  filter_chains: [
    {
      name: 'mtls',
      filter_chain_match: { transport_protocol: 'tls', application_protocols: ['istio', 'istio-http/1.1'], destination_port: 9080 },
      transport_socket: {
        name: EXTENSION_NAME.tls,
        typed_config: packAny(ANY_TYPE.downstreamTls, {
          require_client_certificate: true,
          common_tls_context: {
            alpn_protocols: ['h2', 'http/1.1'],
            tls_certificate_sds_secret_configs: [{ name: 'default', sds_config: { ads: {}, resource_api_version: 'V3' } }],
            combined_validation_context: {
              default_validation_context: {
                match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: 'spiffe://cluster.local/' } }],
              },
              validation_context_sds_secret_config: { name: 'ROOTCA', sds_config: { ads: {}, resource_api_version: 'V3' } },
            },
          },
        }),
      },
      filters: [
        {
          name: EXTENSION_NAME.httpConnectionManager,
          typed_config: packAny(ANY_TYPE.httpConnectionManager, {
            stat_prefix: 'inbound_0.0.0.0_9080',
            use_remote_address: false,
            forward_client_cert_details: 'APPEND_FORWARD',
            set_current_client_cert_details: { subject: true, dns: true, uri: true },
            upgrade_configs: [{ upgrade_type: 'websocket' }],
            http_filters: [{ name: EXTENSION_NAME.router, typed_config: packAny(ANY_TYPE.router, {}) }],
            access_log: [
              {
                name: EXTENSION_NAME.fileAccessLog,
                typed_config: packAny(ANY_TYPE.fileAccessLog, { path: '/dev/stdout', log_format: { text_format_source: { inline_string: '%PROTOCOL%\n' } } }),
              },
            ],
            route_config: {
              name: 'inbound|9080||',
              virtual_hosts: [
                {
                  name: 'inbound|http|9080',
                  domains: ['*'],
                  routes: [
                    {
                      name: 'default',
                      match: { prefix: '/', headers: [{ name: 'end-user', string_match: { exact: 'jason' } }] },
                      route: { cluster: 'inbound|9080||', timeout: '0s' },
                      typed_per_filter_config: {
                        [EXTENSION_NAME.fault]: packAny(ANY_TYPE.fault, { abort: { http_status: 500, percentage: { numerator: 10 } } }),
                      },
                    },
                  ],
                },
              ],
            },
          }),
        },
      ],
      metadata: { filter_metadata: { 'meltemi.io': { origin: 'PeerAuthentication/bookinfo/default#spec' } } },
    },
  ],
};
