import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { dnsLabel, opt, portNumber, req, text, workloadSelectorLabels } from '../../schema/fields.ts';
import { addressFault, dnsLabelFault, hostFault } from '../../schema/formats.ts';
import { workloadEntrySchema } from './workload-entry.ts';
import { validateServiceEntry } from './service-entry-rules.ts';

const entryHost = text((value) => (value === '*' ? '"*" alone is not allowed here' : hostFault(value, { wildcard: true, ip: false })));
const address = text((value) => addressFault(value, { cidr: true }));
const SERVICE_PROTOCOLS = ['HTTP', 'HTTPS', 'GRPC', 'GRPC-WEB', 'HTTP2', 'HTTP_PROXY', 'MONGO', 'REDIS', 'MYSQL', 'TCP', 'TLS', 'UDP'];
const protocol = text((value) =>
  SERVICE_PROTOCOLS.includes(value.toUpperCase()) ? undefined : `"${value}" is not a protocol; known are ${SERVICE_PROTOCOLS.join(', ')}`,
);
const exportTo = z.array(
  text((value) =>
    ['.', '*', '~'].includes(value) || dnsLabelFault(value) === undefined
      ? undefined
      : `"${value}" is neither ".", "*", "~" nor the name of a namespace`,
  ),
);

const serviceEntrySchema = z.strictObject({
  hosts: req(z.array(entryHost).min(1).max(256), 'Host names of the service.'),
  addresses: opt(z.array(address).max(256), 'Virtual IP addresses or ranges.'),
  ports: opt(
    z
      .array(
        z.strictObject({
          number: req(portNumber, 'Port that callers use.'),
          protocol: opt(protocol, 'Protocol; left out, it is found out by looking.'),
          name: req(dnsLabel, 'Name, unique.'),
          targetPort: opt(portNumber, 'Port of the endpoints; default the number.'),
        }),
      )
      .max(256),
    'Ports of the service.',
  ),
  location: z
    .enum(['MESH_EXTERNAL', 'MESH_INTERNAL'])
    .default('MESH_EXTERNAL')
    .describe('MESH_INTERNAL: endpoints may be part of the mesh (mutual TLS). Default MESH_EXTERNAL.'),
  resolution: z
    .enum(['NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'])
    .default('NONE')
    .describe(
      'How addresses of endpoints are found. Default NONE: the address that was called. DYNAMIC_DNS: the host that a request or a server name tells is looked up; for wildcard hosts.',
    ),
  endpoints: opt(z.array(workloadEntrySchema).max(4096), 'Endpoints of the service.'),
  workloadSelector: opt(workloadSelectorLabels, 'Selects workloads and WorkloadEntries of this namespace as endpoints.'),
  exportTo: opt(exportTo, 'Namespaces that see this object; default all.'),
  subjectAltNames: opt(z.array(z.string()), 'Identities that the endpoints may have.'),
});

/** Spec of a ServiceEntry: a service that no registry knows by itself. */
export type ServiceEntry = DeepReadonly<z.output<typeof serviceEntrySchema>>;
export type ServiceEntryPort = NonNullable<ServiceEntry['ports']>[number];

/** The kind ServiceEntry. */
export const serviceEntryKind = defineKind({
  gvk: { group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'], kind: 'ServiceEntry' },
  plural: 'serviceentries',
  shortNames: ['se'],
  schema: serviceEntrySchema,
  unsupported: {
    'ports[].protocol=UDP': 'UDP is not proxied',
    'endpoints[].network': 'several networks are not built yet',
  },
  validate: validateServiceEntry,
  columns: [
    { name: 'Hosts', path: 'spec.hosts' },
    { name: 'Location', path: 'spec.location' },
    { name: 'Resolution', path: 'spec.resolution' },
  ],
  docs: 'A service that no registry knows by itself: outside the mesh, or on machines of your own.',
});
