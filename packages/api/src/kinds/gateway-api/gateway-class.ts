import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind } from '../../kind.ts';
import { dnsLabel, nonEmpty, opt, req } from '../../schema/fields.ts';
import { GATEWAY_GROUP } from './common.ts';

const gatewayClassSchema = z.strictObject({
  controllerName: req(nonEmpty, 'Who serves Gateways of the class; istio.io/gateway-controller is us.'),
  description: opt(z.string().max(64), 'For readers.'),
  parametersRef: opt(
    z.strictObject({
      group: req(z.string(), 'Group.'),
      kind: req(z.string(), 'Kind.'),
      name: req(z.string(), 'Name.'),
      namespace: opt(dnsLabel, 'Namespace.'),
    }),
    'Settings of the class.',
  ),
});

/** Spec of a GatewayClass. */
export type GatewayClass = DeepReadonly<z.output<typeof gatewayClassSchema>>;

/** The kind GatewayClass. */
export const gatewayClassKind = defineKind({
  gvk: { group: GATEWAY_GROUP, versions: ['v1', 'v1beta1'], kind: 'GatewayClass' },
  plural: 'gatewayclasses',
  shortNames: ['gc'],
  scope: 'Cluster',
  schema: gatewayClassSchema,
  unsupported: { parametersRef: 'gateways are started by "meltemi proxy router", with its options' },
  columns: [{ name: 'Controller', path: 'spec.controllerName' }],
  docs: 'A class of Gateways. The classes istio and meltemi are there without an object.',
});
