import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { dnsLabel, nonEmpty, opt, req } from '../../schema/fields.ts';
import { GATEWAY_GROUP } from './common.ts';
import { listener, listenerFindings } from './gateway.ts';

const listenerSetSchema = z.strictObject({
  parentRef: req(
    z.strictObject({
      group: z.string().default(GATEWAY_GROUP).describe('Group.'),
      kind: z.string().default('Gateway').describe('Gateway.'),
      name: req(nonEmpty, 'Name of the Gateway.'),
      namespace: opt(dnsLabel, 'Its namespace; left out: the own one.'),
    }),
    'Gateway that gets the listeners.',
  ),
  listeners: req(z.array(listener).min(1).max(64), 'Further listeners.'),
});

/** Spec of a ListenerSet. */
export type ListenerSet = DeepReadonly<z.output<typeof listenerSetSchema>>;

/** The kind ListenerSet. */
export const listenerSetKind = defineKind({
  gvk: { group: GATEWAY_GROUP, versions: ['v1'], kind: 'ListenerSet' },
  plural: 'listenersets',
  shortNames: ['lset'],
  schema: listenerSetSchema,
  validate: (spec) => listenerFindings(spec.listeners),
  docs: 'Listeners that are added to a Gateway which allows it; where they collide, the Gateway comes first, then the oldest.',
});
