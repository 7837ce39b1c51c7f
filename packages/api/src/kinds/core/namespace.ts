import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { opt } from '../../schema/fields.ts';

export const namespaceSchema = z.strictObject({ finalizers: opt(z.array(z.string()), 'Made by Kubernetes.') });

/** Spec of a Namespace; what matters are its labels. */
export type Namespace = DeepReadonly<z.output<typeof namespaceSchema>>;
