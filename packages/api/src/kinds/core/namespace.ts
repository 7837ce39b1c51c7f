import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { opt } from '../../schema/fields.ts';

const namespaceSchema = z.strictObject({ finalizers: opt(z.array(z.string()), 'Made by Kubernetes.') });

/** Spec of a Namespace; what matters are its labels. */
export type Namespace = DeepReadonly<z.output<typeof namespaceSchema>>;

/** The kind Namespace. */
export const namespaceKind = defineKind({
  gvk: { group: '', versions: ['v1'], kind: 'Namespace' },
  plural: 'namespaces',
  shortNames: ['ns'],
  scope: 'Cluster',
  schema: namespaceSchema,
  names: 'label',
  specOptional: true,
  docs: 'A namespace: a room for names, and the unit of many defaults.',
});
