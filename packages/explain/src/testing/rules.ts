import { simulate } from '../simulate.ts';
import type { Call } from '../types.ts';
import { shop, told } from './shop.ts';

/** A rule of Istio's, as objects in the shop and what becomes of calls. */
export interface Rule {
  readonly objects: string;
  /** Calls and what becomes of them. */
  readonly calls: readonly (readonly [call: Call | string, expected: string])[];
  readonly more?: Parameters<typeof shop>[1];
}

export const virtualService = (spec: string, name = 'web', meta = ''): string =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: ${name}, namespace: shop${meta} }\nspec: ${spec}\n---\n`;
export const destinationRule = (spec: string, name = 'web', meta = 'namespace: shop'): string =>
  `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: { name: ${name}, ${meta} }\nspec: ${spec}\n---\n`;
export const peers = (spec: string): string =>
  `apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: { name: default, namespace: shop }\nspec: ${spec}\n---\n`;
export const SUBSETS = destinationRule(
  '{ host: web, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }, { name: none, labels: { version: v9 } }] }',
);
export const to = (host: string, subset = '', more = ''): string =>
  `{ destination: { host: ${host}${subset === '' ? '' : `, subset: ${subset}`} }${more} }`;

/** What becomes of the calls of a rule; where no caller is named, it is the client in the namespace of the shop. */
export function answersTo({ objects, calls, more }: Rule): readonly string[] {
  const mesh = shop(objects, more);
  return calls.map(([call]) => told(simulate(mesh, typeof call === 'string' ? { from: 'shop/client', to: call } : call)));
}
