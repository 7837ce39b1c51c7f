import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind, type Finding } from '../../kind.ts';
import { opt, text, workloadSelectorMatchLabels } from '../../schema/fields.ts';

const mtls = z.strictObject({
  mode: opt(
    z.enum(['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT']),
    'UNSET inherits; PERMISSIVE takes both; STRICT takes only mutual TLS; DISABLE only plain text.',
  ),
});
const portKey = text((value) => (/^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65_535 ? undefined : `"${value}" is not a port number`));

const peerAuthenticationSchema = z.strictObject({
  selector: opt(workloadSelectorMatchLabels, 'Workloads the policy is for; left out: the namespace, or the whole mesh in the root namespace.'),
  mtls: opt(mtls, 'What inbound connections must be.'),
  portLevelMtls: opt(z.record(portKey, mtls), 'By port of the workload; needs a selector.'),
});

/** Spec of a PeerAuthentication: what inbound connections must be. */
export type PeerAuthentication = DeepReadonly<z.output<typeof peerAuthenticationSchema>>;
export type MtlsMode = 'UNSET' | 'DISABLE' | 'PERMISSIVE' | 'STRICT';

/** The kind PeerAuthentication. */
export const peerAuthenticationKind = defineKind({
  gvk: { group: 'security.istio.io', versions: ['v1', 'v1beta1'], kind: 'PeerAuthentication' },
  plural: 'peerauthentications',
  shortNames: ['pa'],
  schema: peerAuthenticationSchema,
  specOptional: true,
  validate(spec) {
    if (spec.portLevelMtls === undefined) return [];
    const findings: Finding[] = [];
    if (Object.keys(spec.portLevelMtls).length === 0) findings.push({ path: ['portLevelMtls'], message: 'portLevelMtls must not be empty' });
    if (Object.keys(spec.selector?.matchLabels ?? {}).length === 0)
      findings.push({ path: ['portLevelMtls'], message: 'portLevelMtls needs a selector: ports belong to workloads' });
    return findings;
  },
  columns: [{ name: 'Mode', path: 'spec.mtls.mode' }],
  docs: 'Whether workloads take mutual TLS only (STRICT), both (PERMISSIVE) or plain text only (DISABLE).',
});
