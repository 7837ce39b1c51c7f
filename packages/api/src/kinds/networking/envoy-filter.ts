import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { int32, nonEmpty, opt, req, uint32, workloadSelectorLabels } from '../../schema/fields.ts';
import { oneOf } from '../../schema/one-of.ts';
import { validateEnvoyFilter } from './envoy-filter-rules.ts';

const name = z.string();
const subFilter = z.strictObject({ name: opt(name, 'Name of an HTTP filter.') });
const listenerMatch = z.strictObject({
  portNumber: opt(uint32, 'Port of the listener; of the chain in the inbound listener.'),
  portName: opt(name, 'Ignored by Istio.'),
  filterChain: opt(
    z.strictObject({
      name: opt(name, 'Name of the chain.'),
      sni: opt(name, 'Server name that it matches.'),
      transportProtocol: opt(name, 'raw_buffer or tls.'),
      applicationProtocols: opt(name, 'Protocols that it matches, separated by commas.'),
      filter: opt(z.strictObject({ name: opt(name, 'Name of a network filter.'), subFilter: opt(subFilter, 'HTTP filter in it.') }), 'Filter.'),
      destinationPort: opt(uint32, 'Port that it matches.'),
    }),
    'Chain.',
  ),
  listenerFilter: opt(name, 'Name of a listener filter.'),
  name: opt(name, 'Name of the listener.'),
});
const routeMatch = z.strictObject({
  portNumber: opt(uint32, 'Port of the route table.'),
  portName: opt(name, 'Name of the port, at gateways.'),
  gateway: opt(name, 'namespace/name of the Gateway.'),
  vhost: opt(
    z.strictObject({
      name: opt(name, 'Name, host:port.'),
      domainName: opt(name, 'One of its domains.'),
      route: opt(
        z.strictObject({
          name: opt(name, 'Name of the route.'),
          action: opt(z.enum(['ANY', 'ROUTE', 'REDIRECT', 'DIRECT_RESPONSE']), 'What it does.'),
        }),
        'Route.',
      ),
    }),
    'Virtual host.',
  ),
  name: opt(name, 'Name of the route table.'),
});
const match = oneOf(
  z.strictObject({
    context: opt(z.enum(['ANY', 'SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'GATEWAY', 'WAYPOINT']), 'Where; default ANY.'),
    proxy: opt(
      z.strictObject({ proxyVersion: opt(name, 'Regular expression.'), metadata: opt(z.record(z.string(), z.string()), 'Metadata of the node.') }),
      'Which proxies.',
    ),
    listener: opt(listenerMatch, 'Listener, chain or filter.'),
    routeConfiguration: opt(routeMatch, 'Route table, virtual host or route.'),
    cluster: opt(
      z.strictObject({
        portNumber: opt(uint32, 'Port.'),
        service: opt(name, 'Host.'),
        subset: opt(name, 'Subset.'),
        name: opt(name, 'Name of the cluster.'),
      }),
      'Cluster.',
    ),
    waypoint: opt(z.record(z.string(), z.unknown()), 'Waypoint.'),
  }),
  ['listener', 'routeConfiguration', 'cluster', 'waypoint'],
);

const APPLY_TO = [
  'LISTENER',
  'FILTER_CHAIN',
  'NETWORK_FILTER',
  'HTTP_FILTER',
  'ROUTE_CONFIGURATION',
  'VIRTUAL_HOST',
  'HTTP_ROUTE',
  'CLUSTER',
  'EXTENSION_CONFIG',
  'BOOTSTRAP',
  'LISTENER_FILTER',
] as const;
const OPERATIONS = ['MERGE', 'ADD', 'REMOVE', 'INSERT_BEFORE', 'INSERT_AFTER', 'INSERT_FIRST', 'REPLACE', 'MERGE_AND_REPLACE_LIST'] as const;

const envoyFilterSchema = oneOf(
  z.strictObject({
    workloadSelector: opt(workloadSelectorLabels, 'Workloads this is for; left out: all of the namespace, or of the mesh in the root namespace.'),
    targetRefs: opt(
      z
        .array(
          z.strictObject({
            group: opt(name, 'Group.'),
            kind: req(nonEmpty, 'Kind.'),
            name: req(nonEmpty, 'Name.'),
            namespace: opt(name, 'Namespace.'),
          }),
        )
        .max(16),
      'Gateways this is for.',
    ),
    configPatches: req(
      z.array(
        z.strictObject({
          applyTo: req(z.enum(APPLY_TO), 'What is changed.'),
          match: opt(match, 'Which of them; left out: all.'),
          patch: req(
            z.strictObject({
              operation: req(z.enum(OPERATIONS), 'How.'),
              value: opt(z.record(z.string(), z.unknown()), 'Envoy configuration, as JSON of its protobuf messages.'),
              filterClass: opt(z.enum(['UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS']), 'Place in the chain of HTTP filters.'),
            }),
            'The change.',
          ),
        }),
      ),
      'Changes, in order.',
    ),
    priority: opt(int32, 'Smaller first; default 0.'),
  }),
  ['workloadSelector', 'targetRefs'],
);

/** Spec of an EnvoyFilter: changes of the generated configuration. */
export type EnvoyFilter = DeepReadonly<z.output<typeof envoyFilterSchema>>;
export type EnvoyFilterPatch = EnvoyFilter['configPatches'][number];
export type EnvoyFilterMatch = NonNullable<EnvoyFilterPatch['match']>;

/** The kind EnvoyFilter. */
export const envoyFilterKind = defineKind({
  gvk: { group: 'networking.istio.io', versions: ['v1alpha3', 'v1', 'v1beta1'], kind: 'EnvoyFilter' },
  plural: 'envoyfilters',
  schema: envoyFilterSchema,
  unsupported: {
    'configPatches[].applyTo=BOOTSTRAP': 'the bootstrap is written by the agent',
    'configPatches[].applyTo=EXTENSION_CONFIG': 'extensions stand in their filters; patch HTTP_FILTER',
    'configPatches[].match.context=WAYPOINT': 'waypoints are not built yet',
    'configPatches[].match.waypoint': 'waypoints are not built yet',
    'configPatches[].match.listener.portName': 'Istio ignores it too; write portNumber',
  },
  validate: validateEnvoyFilter,
  docs: 'Changes of the configuration that proxies get, after it was made. What a proxy would refuse is left out and told; everything else stays in force.',
});
