import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind, type Finding } from '../../kind.ts';
import { int32, labels, nonEmpty, opt, portNumber, req } from '../../schema/fields.ts';
import { oneOf } from '../../schema/one-of.ts';
import { workloadEntrySchema } from './workload-entry.ts';

const httpGet = z.strictObject({
  path: opt(z.string(), 'Path; default /.'),
  port: req(portNumber, 'Port.'),
  host: opt(z.string(), 'Address; default the application.'),
  scheme: opt(z.enum(['HTTP', 'HTTPS', 'http', 'https']), 'Default HTTP.'),
  httpHeaders: opt(z.array(z.strictObject({ name: req(nonEmpty, 'Name.'), value: opt(z.string(), 'Value.') })), 'Headers of the request.'),
});
const probe = oneOf(
  z.strictObject({
    initialDelaySeconds: opt(int32, 'Wait before the first probe; default 0.'),
    timeoutSeconds: opt(int32, 'Time-out of a probe; default 1.'),
    periodSeconds: opt(int32, 'Time between probes; default 10.'),
    successThreshold: opt(int32, 'Successes in a row until it is healthy; default 1.'),
    failureThreshold: opt(int32, 'Failures in a row until it is not; default 3.'),
    httpGet: opt(httpGet, 'A GET that answers 200 to 399.'),
    tcpSocket: opt(z.strictObject({ host: opt(z.string(), 'Address; default the application.'), port: req(portNumber, 'Port.') }), 'A connection.'),
    exec: opt(z.strictObject({ command: req(z.array(nonEmpty).min(1), 'Program and arguments.') }), 'A program that ends with 0.'),
    grpc: opt(z.strictObject({ port: opt(portNumber, 'Port.'), service: opt(z.string(), 'Name of the service.') }), "gRPC's health check."),
  }),
  ['httpGet', 'tcpSocket', 'exec', 'grpc'],
  { required: true },
);

const workloadGroupSchema = z.strictObject({
  metadata: opt(
    z.strictObject({
      labels: opt(labels, 'Labels of the workloads.'),
      annotations: opt(z.record(z.string(), z.string()), 'Annotations of the workloads.'),
    }),
    'What the workloads carry.',
  ),
  template: req(workloadEntrySchema, 'What their WorkloadEntries say.'),
  probe: opt(probe, 'How agents find out whether the application serves.'),
});

/** Spec of a WorkloadGroup: what workloads that join as its members are. */
export type WorkloadGroup = DeepReadonly<z.output<typeof workloadGroupSchema>>;
export type ReadinessProbe = NonNullable<WorkloadGroup['probe']>;

/** The kind WorkloadGroup. */
export const workloadGroupKind = defineKind({
  gvk: { group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'], kind: 'WorkloadGroup' },
  plural: 'workloadgroups',
  shortNames: ['wg'],
  schema: workloadGroupSchema,
  unsupported: { 'template.address': 'each member has an address of its own', 'template.network': 'several networks are not built yet' },
  validate: validateWorkloadGroup,
  docs: 'What workloads are that join as members ("meltemi run --group NAME"): their labels, ports and service account, and the probe that their agents run.',
});

const LEAST: readonly (readonly [keyof ReadinessProbe, number])[] = [
  ['initialDelaySeconds', 0],
  ['timeoutSeconds', 0],
  ['periodSeconds', 0],
  ['successThreshold', 0],
  ['failureThreshold', 0],
];

function validateWorkloadGroup(spec: WorkloadGroup): Finding[] {
  const findings: Finding[] = [];
  if (spec.template.labels !== undefined)
    findings.push({ path: ['template', 'labels'], message: 'labels of members belong under spec.metadata.labels', severity: 'warning' });
  for (const [field, least] of LEAST) {
    const value = spec.probe?.[field];
    if (typeof value === 'number' && value < least) findings.push({ path: ['probe', field], message: `must be at least ${least}, but is ${value}` });
  }
  if (spec.probe?.grpc !== undefined && spec.probe.grpc.port === undefined)
    findings.push({ path: ['probe', 'grpc', 'port'], message: 'is required' });
  return findings;
}
