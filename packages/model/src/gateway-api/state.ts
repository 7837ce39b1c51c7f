import type { Config } from '@meltemi/api';
import type { AttachResult, ParentRef } from './attach.ts';
import type { PolicyResult } from './backend-tls.ts';
import type { Fault } from './conditions.ts';
import type { GatewayApiObjects } from './inputs.ts';
import type { JudgedListener } from './listeners.ts';
import type { RankedRule } from './precedence.ts';

/** A route for calls inside of the mesh. */
export interface MeshAttachment {
  readonly host: string;
  readonly port: number | undefined;
  /** The namespace of the Service; a route elsewhere is for callers of its own namespace only. */
  readonly namespace: string;
}

/** One parent of a route, and what became of it. */
export interface ParentState {
  readonly ref: ParentRef;
  readonly result: AttachResult | { readonly t: 'mesh'; readonly attachment: MeshAttachment };
}

/** A route with its parents. */
export interface RouteState {
  readonly config: Config;
  readonly parents: readonly ParentState[];
  /** A reference that leads nowhere. */
  readonly fault: Fault | undefined;
}

/** A route of HTTP or gRPC, with the rules that were made of it. */
export interface HttpRouteState extends RouteState {
  readonly gatewayRules: readonly RankedRule[];
  readonly meshRules: readonly RankedRule[];
}

/** Everything that came of the objects of the Gateway API. */
export interface GatewayApiState {
  readonly objects: GatewayApiObjects;
  readonly listeners: readonly JudgedListener[];
  readonly routes: readonly RouteState[];
  readonly policies: readonly PolicyResult[];
  /** Gateways, VirtualServices and DestinationRules that bring them into force. */
  readonly derived: readonly Config[];
}

/** An object that is made of another: with its age and origin. */
export function shell(kind: 'VirtualService' | 'Gateway' | 'DestinationRule', of: Config, name: string): Omit<Config, 'spec'> {
  const { namespace, creationTimestamp } = of.meta;
  return {
    kind,
    apiVersion: 'networking.istio.io/v1',
    meta: { name, namespace, labels: {}, annotations: {}, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) },
    origin: of.origin,
  };
}
