import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { dnsLabel, nonEmpty, opt, req } from '../../schema/fields.ts';
import { GATEWAY_GROUP } from './common.ts';

const referenceGrantSchema = z.strictObject({
  from: req(
    z
      .array(z.strictObject({ group: req(z.string(), 'Group.'), kind: req(nonEmpty, 'Kind.'), namespace: req(dnsLabel, 'Namespace.') }))
      .min(1)
      .max(16),
    'Who may refer.',
  ),
  to: req(
    z
      .array(
        z.strictObject({
          group: req(z.string(), 'Group; "" for the core.'),
          kind: req(nonEmpty, 'Kind.'),
          name: opt(nonEmpty, 'Name; left out: all.'),
        }),
      )
      .min(1)
      .max(16),
    'What may be referred to, in this namespace.',
  ),
});

/** Spec of a ReferenceGrant. */
export type ReferenceGrant = DeepReadonly<z.output<typeof referenceGrantSchema>>;

/** The kind ReferenceGrant. */
export const referenceGrantKind = defineKind({
  gvk: { group: GATEWAY_GROUP, versions: ['v1', 'v1beta1'], kind: 'ReferenceGrant' },
  plural: 'referencegrants',
  shortNames: ['refgrant'],
  schema: referenceGrantSchema,
  docs: 'Opens Services and Secrets of its namespace to routes and Gateways of other namespaces.',
});
