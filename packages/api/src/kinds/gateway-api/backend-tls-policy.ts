import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind, type Finding } from '../../kind.ts';
import { nonEmpty, opt, req } from '../../schema/fields.ts';
import { GATEWAY_GROUP, localRef, preciseHostname, sectionName } from './common.ts';

const backendTlsPolicySchema = z.strictObject({
  targetRefs: req(
    z
      .array(
        z.strictObject({
          group: req(z.string(), 'Group; "" for a Service.'),
          kind: req(nonEmpty, 'Service, or ServiceEntry of networking.istio.io.'),
          name: req(nonEmpty, 'Name.'),
          sectionName: opt(sectionName, 'Name of a port; left out: all ports.'),
        }),
      )
      .min(1)
      .max(16),
    'Backends that are called by TLS.',
  ),
  validation: req(
    z.strictObject({
      hostname: req(preciseHostname, 'Server name that is asked for, and that the certificate must have.'),
      caCertificateRefs: opt(z.array(localRef).max(8), 'ConfigMap with ca.crt.'),
      wellKnownCACertificates: opt(z.enum(['System', '']), 'System: those of the machine.'),
      subjectAltNames: opt(
        z
          .array(
            z.strictObject({
              type: req(z.enum(['Hostname', 'URI']), 'Kind of the name.'),
              hostname: opt(preciseHostname, 'For Hostname.'),
              uri: opt(nonEmpty, 'For URI.'),
            }),
          )
          .max(5),
        'Names of which the certificate must have one, instead of hostname.',
      ),
    }),
    'How the backend is checked.',
  ),
  options: opt(z.record(z.string(), z.string()), 'Settings of a controller.'),
});

/** Spec of a BackendTLSPolicy. */
export type BackendTLSPolicy = DeepReadonly<z.output<typeof backendTlsPolicySchema>>;

/** The kind BackendTLSPolicy. */
export const backendTlsPolicyKind = defineKind({
  gvk: { group: GATEWAY_GROUP, versions: ['v1', 'v1alpha3'], kind: 'BackendTLSPolicy' },
  plural: 'backendtlspolicies',
  shortNames: ['btlspolicy'],
  schema: backendTlsPolicySchema,
  unsupported: { options: 'Istio has none either' },
  validate(spec): Finding[] {
    const { caCertificateRefs = [], wellKnownCACertificates = '' } = spec.validation;
    const findings: Finding[] = [];
    if (caCertificateRefs.length > 0 === (wellKnownCACertificates !== ''))
      findings.push({ path: ['validation'], message: 'needs exactly one of caCertificateRefs and wellKnownCACertificates' });
    for (const [index, name] of (spec.validation.subjectAltNames ?? []).entries()) {
      const wanted = name.type === 'Hostname' ? 'hostname' : 'uri';
      if (name[wanted] === undefined) findings.push({ path: ['validation', 'subjectAltNames', index], message: `type ${name.type} needs ${wanted}` });
    }
    return findings;
  },
  docs: 'Calls of gateways to a backend that speaks TLS itself: what its certificate must say.',
});
