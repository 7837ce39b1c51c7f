import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { labels, opt, portNumber, uint32 } from '../../schema/fields.ts';

export const workloadEntrySchema = z.strictObject({
  address: opt(z.string(), 'IP address, or a DNS name with resolution DNS.'),
  ports: opt(z.record(z.string(), portNumber), 'Port of the endpoint by name of the service port.'),
  labels: opt(labels, 'Labels of the endpoint.'),
  network: opt(z.string(), 'Network the endpoint is in.'),
  locality: opt(z.string(), 'region/zone/subzone.'),
  weight: opt(uint32, 'Share of traffic, relative to the other endpoints; left out or 0 means 1.'),
  serviceAccount: opt(z.string(), 'Service account of the workload.'),
});

/** Spec of a WorkloadEntry, and an endpoint of a ServiceEntry. */
export type WorkloadEntry = DeepReadonly<z.output<typeof workloadEntrySchema>>;
