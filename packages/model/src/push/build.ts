import { configKey, ofKind } from '@meltemi/api';
import { serviceKey } from '../endpoint-index.ts';
import { buildDestinationRuleTable } from './destination-rules.ts';
import { buildEnvoyFilterTable } from './envoy-filters.ts';
import { buildGatewayTable } from './gateways.ts';
import { buildPeerAuthenticationTable } from './peer-authentication.ts';
import type { PushChanges, PushContext, PushInputs } from './push-context.ts';
import { buildCredentialTable } from './secrets.ts';
import { buildServiceTable } from './services.ts';
import { buildSidecarTable } from './sidecars.ts';
import { buildVirtualServiceTable } from './virtual-services.ts';

/**
 * The snapshot of these inputs. With the previous one, tables whose objects did not change are taken over as they are, and in the others
 * every entry whose object did not change: the result is equal to a full build (a property test says so), and whatever depends on an
 * unchanged part can be recognised by identity.
 */
export function buildPushContext(inputs: PushInputs, previous?: PushContext): PushContext {
  const before = previous !== undefined && sameMesh(inputs, previous.inputs) ? previous : undefined;
  const mesh = before?.mesh ?? inputs.mesh;
  const changes = changesOf(inputs, before);
  const kinds = new Set(changes.configs.map((key) => key.slice(0, key.indexOf('/'))));
  const table = <T>(changed: boolean, kept: T | undefined, build: () => T): T => (kept !== undefined && !changed ? kept : build());
  return {
    version: (previous?.version ?? 0) + 1,
    inputs,
    mesh,
    services: table(changes.services.length > 0, before?.services, () => buildServiceTable(inputs.services)),
    virtualServices: table(kinds.has('VirtualService'), before?.virtualServices, () =>
      buildVirtualServiceTable(ofKind(inputs.configs, 'VirtualService'), mesh, before?.virtualServices),
    ),
    destinationRules: table(kinds.has('DestinationRule'), before?.destinationRules, () =>
      buildDestinationRuleTable(ofKind(inputs.configs, 'DestinationRule'), mesh, before?.destinationRules),
    ),
    gateways: table(kinds.has('Gateway'), before?.gateways, () => buildGatewayTable(ofKind(inputs.configs, 'Gateway'))),
    peerAuthentications: table(kinds.has('PeerAuthentication'), before?.peerAuthentications, () =>
      buildPeerAuthenticationTable(ofKind(inputs.configs, 'PeerAuthentication'), mesh.rootNamespace),
    ),
    sidecars: table(kinds.has('Sidecar'), before?.sidecars, () => buildSidecarTable(ofKind(inputs.configs, 'Sidecar'), mesh.rootNamespace)),
    envoyFilters: table(kinds.has('EnvoyFilter'), before?.envoyFilters, () => buildEnvoyFilterTable(ofKind(inputs.configs, 'EnvoyFilter'))),
    credentials: table(kinds.has('Secret') || kinds.has('ConfigMap'), before?.credentials, () =>
      buildCredentialTable(ofKind(inputs.configs, 'Secret'), ofKind(inputs.configs, 'ConfigMap')),
    ),
    changes,
  };
}

function sameMesh(a: PushInputs, b: PushInputs): boolean {
  return a.mesh === b.mesh || JSON.stringify(a.mesh) === JSON.stringify(b.mesh);
}

function changesOf(inputs: PushInputs, previous: PushContext | undefined): PushChanges {
  return {
    full: previous === undefined,
    configs: differing(inputs.configs, previous?.inputs.configs ?? [], configKey),
    services: differing(inputs.services, previous?.inputs.services ?? [], serviceKey),
  };
}

/** Keys of items that came, went or are another object now. */
function differing<T>(now: readonly T[], before: readonly T[], keyOf: (item: T) => string): readonly string[] {
  if (now === before) return [];
  const old = new Set(before);
  const changed = new Set<string>();
  for (const item of now) if (!old.delete(item)) changed.add(keyOf(item));
  for (const item of old) changed.add(keyOf(item));
  return [...changed].sort();
}
