import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { opt } from '../../schema/fields.ts';

const serviceAccountSchema = z.strictObject({
  automountServiceAccountToken: opt(z.boolean(), 'For Kubernetes; the mesh has its own tokens.'),
  imagePullSecrets: opt(z.array(z.strictObject({ name: opt(z.string(), 'Secret.') })), 'For Kubernetes.'),
  secrets: opt(z.array(z.strictObject({ name: opt(z.string(), 'Secret.') })), 'For Kubernetes.'),
});

/** The fields of a ServiceAccount, which stand beside `metadata`: there is no `spec`. */
export type ServiceAccount = DeepReadonly<z.output<typeof serviceAccountSchema>>;

/** The kind ServiceAccount. */
export const serviceAccountKind = defineKind({
  gvk: { group: '', versions: ['v1'], kind: 'ServiceAccount' },
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  schema: serviceAccountSchema,
  body: 'root',
  specOptional: true,
  docs: 'An account under which workloads run; with its namespace it makes their identity.',
});
