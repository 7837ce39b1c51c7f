import { configKey, ofKind, type Config } from '@meltemi/api';
import { serviceKey } from '../endpoint-index.ts';
import { convertGatewayApi, touchesGatewayApi } from '../gateway-api/convert.ts';
import type { GatewayApiState } from '../gateway-api/state.ts';
import { withKnownCollectors } from './collectors.ts';
import { buildDestinationRuleTable } from './destination-rules.ts';
import { buildEnvoyFilterTable } from './envoy-filters.ts';
import { buildGatewayTable } from './gateways.ts';
import { buildPeerAuthenticationTable } from './peer-authentication.ts';
import type { KnownChanges, PushChanges, PushContext, PushInputs } from './push-context.ts';
import { buildRequestAuthenticationTable, type KeySets } from './request-authentications.ts';
import { buildCredentialTable } from './secrets.ts';
import { buildServiceTable } from './services.ts';
import { buildSidecarTable } from './sidecars.ts';
import { buildVirtualServiceTable } from './virtual-services.ts';

/**
 * The snapshot of these inputs. With the previous one, tables whose objects did not change are taken over as they are, and in the others
 * every entry whose object did not change: the result is equal to a full build (a property test says so), and whatever depends on an
 * unchanged part can be recognised by identity. Who knows which objects came, went or changed since then tells it; else all are compared.
 */
export function buildPushContext(given: PushInputs, previous?: PushContext, known?: KnownChanges): PushContext {
  // Settings that say the same are the same object, from snapshot to snapshot.
  const same = previous !== undefined && sameMesh(given, previous.inputs);
  const inputs = same ? { ...given, mesh: previous.inputs.mesh } : given;
  const mesh = withKnownCollectors(inputs.mesh, inputs.services);
  const before = same && mesh === previous.mesh ? previous : undefined;
  const own = changesOf(inputs, before, known);
  const gatewayApi = gatewayApiOf(inputs, before, own);
  const changes = withDerived(own, gatewayApi, before);
  const configs = gatewayApi.derived.length === 0 ? inputs.configs : [...inputs.configs, ...gatewayApi.derived];
  const kinds = new Set(changes.configs.map((key) => key.slice(0, key.indexOf('/'))));
  const routing = { ...inputs, configs, mesh };
  return {
    version: (previous?.version ?? 0) + 1,
    inputs,
    mesh,
    services: table(changes.services.length > 0, before?.services, () => buildServiceTable(inputs.services)),
    ...routingTables(routing, kinds, before),
    ...workloadTables(routing, kinds, before),
    requestAuthentications: table(kinds.has('RequestAuthentication') || changes.keys !== undefined, before?.requestAuthentications, () =>
      buildRequestAuthenticationTable(ofKind(configs, 'RequestAuthentication'), inputs.keySets, before?.requestAuthentications),
    ),
    gatewayApi,
    changes,
  };
}

function table<T>(changed: boolean, kept: T | undefined, build: () => T): T {
  return kept !== undefined && !changed ? kept : build();
}

type Kinds = ReadonlySet<string>;
type Before = PushContext | undefined;

/** What says how services are called. */
function routingTables({ configs, mesh }: PushInputs, kinds: Kinds, before: Before) {
  return {
    virtualServices: table(kinds.has('VirtualService'), before?.virtualServices, () =>
      buildVirtualServiceTable(ofKind(configs, 'VirtualService'), mesh, before?.virtualServices),
    ),
    destinationRules: table(kinds.has('DestinationRule'), before?.destinationRules, () =>
      buildDestinationRuleTable(ofKind(configs, 'DestinationRule'), mesh, before?.destinationRules),
    ),
    gateways: table(kinds.has('Gateway'), before?.gateways, () => buildGatewayTable(ofKind(configs, 'Gateway'))),
  };
}

/** What says something of workloads and their proxies. */
function workloadTables({ configs, mesh }: PushInputs, kinds: Kinds, before: Before) {
  return {
    peerAuthentications: table(kinds.has('PeerAuthentication'), before?.peerAuthentications, () =>
      buildPeerAuthenticationTable(ofKind(configs, 'PeerAuthentication'), mesh.rootNamespace),
    ),
    sidecars: table(kinds.has('Sidecar'), before?.sidecars, () => buildSidecarTable(ofKind(configs, 'Sidecar'), mesh.rootNamespace)),
    envoyFilters: table(kinds.has('EnvoyFilter'), before?.envoyFilters, () => buildEnvoyFilterTable(ofKind(configs, 'EnvoyFilter'))),
    credentials: table(kinds.has('Secret') || kinds.has('ConfigMap'), before?.credentials, () =>
      buildCredentialTable(ofKind(configs, 'Secret'), ofKind(configs, 'ConfigMap')),
    ),
  };
}

function gatewayApiOf(inputs: PushInputs, before: PushContext | undefined, { objects }: PushChanges): GatewayApiState {
  if (before !== undefined && !touchesGatewayApi(inputs.configs, objects)) return before.gatewayApi;
  return convertGatewayApi(inputs.configs, inputs.mesh.domainSuffix, before?.gatewayApi);
}

/** What is made of objects of the Gateway API changes like objects that somebody wrote. */
function withDerived(changes: PushChanges, now: GatewayApiState, before: PushContext | undefined): PushChanges {
  const derived = differing(now.derived, before?.gatewayApi.derived ?? []);
  if (derived.length === 0) return changes;
  const objects: readonly Config[] = [...changes.objects, ...derived];
  return { ...changes, objects, configs: keysOf(objects, configKey) };
}

function sameMesh(a: PushInputs, b: PushInputs): boolean {
  return a.mesh === b.mesh || JSON.stringify(a.mesh) === JSON.stringify(b.mesh);
}

function changesOf(inputs: PushInputs, previous: PushContext | undefined, known: KnownChanges | undefined): PushChanges {
  const objects = previous === undefined || known === undefined ? differing(inputs.configs, previous?.inputs.configs ?? []) : known.configs;
  const services = previous === undefined || known === undefined ? differing(inputs.services, previous?.inputs.services ?? []) : known.services;
  const keys = changedKeys(inputs.keySets, previous?.inputs.keySets);
  const changes = { full: previous === undefined, configs: keysOf(objects, configKey), services: keysOf(services, serviceKey), objects };
  return keys.size === 0 ? changes : { ...changes, keys };
}

/** Sources whose keys are others. Why there are none is for those who read findings: nothing is made of it. */
function changedKeys(now: KeySets = NO_KEYS, before: KeySets = NO_KEYS): ReadonlySet<string> {
  const sources = now === before ? [] : [...now.keys(), ...before.keys()];
  return new Set(sources.filter((id) => now.get(id)?.jwks !== before.get(id)?.jwks));
}

const NO_KEYS: KeySets = new Map();

/** Items that came, went or are another object now: old and new forms. */
function differing<T>(now: readonly T[], before: readonly T[]): readonly T[] {
  if (now === before) return [];
  const old = new Set(before);
  const changed: T[] = [];
  for (const item of now) if (!old.delete(item)) changed.push(item);
  return [...changed, ...old];
}

function keysOf<T>(items: readonly T[], keyOf: (item: T) => string): readonly string[] {
  return [...new Set(items.map(keyOf))].sort();
}
