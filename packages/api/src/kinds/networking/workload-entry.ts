import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { labels, opt, portNumber } from '../../schema/fields.ts';
import { endpointRules } from './endpoint-rules.ts';

/** The weights of 4,096 endpoints together still fit the 32 bits that proxies count in. */
const weight = z.int().min(0).max(1_000_000);

export const workloadEntrySchema = z.strictObject({
  address: opt(z.string(), 'IP address, or a DNS name with resolution DNS.'),
  ports: opt(z.record(z.string(), portNumber), 'Port of the endpoint by name of the service port.'),
  labels: opt(labels, 'Labels of the endpoint.'),
  network: opt(z.string(), 'Network the endpoint is in.'),
  locality: opt(z.string(), 'region/zone/subzone.'),
  weight: opt(weight, 'Share of traffic, relative to the other endpoints; left out or 0 means 1.'),
  serviceAccount: opt(z.string(), 'Service account of the workload.'),
});

/** Spec of a WorkloadEntry, and an endpoint of a ServiceEntry. */
export type WorkloadEntry = DeepReadonly<z.output<typeof workloadEntrySchema>>;

/** The kind WorkloadEntry. */
export const workloadEntryKind = defineKind({
  gvk: { group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'], kind: 'WorkloadEntry' },
  plural: 'workloadentries',
  shortNames: ['we'],
  schema: workloadEntrySchema,
  unsupported: { network: 'several networks are not built yet' },
  validate: (spec) => endpointRules(spec, []),
  columns: [{ name: 'Address', path: 'spec.address' }],
  docs: 'One workload outside Kubernetes, an endpoint of the ServiceEntries and Services whose selector matches its labels.',
});
