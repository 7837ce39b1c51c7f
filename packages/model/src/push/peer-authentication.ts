import { compareByAge, type Config } from '@meltemi/api';
import { labelsMatch } from '../labels.ts';
import type { PeerAuthenticationSpec } from '../specs.ts';
import type { Labels } from '../types/service.ts';
import type { PushContext } from './push-context.ts';
import { push } from './visibility.ts';

export type MtlsMode = 'DISABLE' | 'PERMISSIVE' | 'STRICT';

export interface PeerAuthenticationTable {
  /** The oldest selector-less policy of the root namespace. */
  readonly mesh: Config<PeerAuthenticationSpec> | undefined;
  /** The oldest selector-less policy of each namespace. */
  readonly byNamespace: ReadonlyMap<string, Config<PeerAuthenticationSpec>>;
  /** Policies with a selector, oldest first; those of the root namespace select nothing outside of it. */
  readonly selecting: ReadonlyMap<string, readonly Config<PeerAuthenticationSpec>[]>;
}

/** The mode in force, and the policy that says so (none: the default). */
export interface EffectiveMtls {
  readonly mode: MtlsMode;
  readonly policy?: Config<PeerAuthenticationSpec>;
}

const DEFAULT: EffectiveMtls = { mode: 'PERMISSIVE' };

/** Builds the table of all PeerAuthentications. */
export function buildPeerAuthenticationTable(policies: readonly Config<PeerAuthenticationSpec>[], rootNamespace: string): PeerAuthenticationTable {
  const byNamespace = new Map<string, Config<PeerAuthenticationSpec>>();
  const selecting = new Map<string, Config<PeerAuthenticationSpec>[]>();
  for (const policy of [...policies].sort(compareByAge)) {
    const { namespace } = policy.meta;
    if (Object.keys(selectorOf(policy)).length > 0) push(selecting, namespace, policy);
    else if (!byNamespace.has(namespace)) byNamespace.set(namespace, policy);
  }
  return { mesh: byNamespace.get(rootNamespace), byNamespace, selecting };
}

/**
 * What a workload demands on one of its own ports: port, then selecting policy, then namespace, then mesh; UNSET inherits; PERMISSIVE at last.
 * `port` undefined asks for ports that no policy names.
 */
export function effectiveMtls(
  context: Pick<PushContext, 'peerAuthentications'>,
  workload: { readonly namespace: string; readonly labels: Labels },
  port?: number,
): EffectiveMtls {
  const table = context.peerAuthentications;
  const selected = table.selecting.get(workload.namespace)?.find((policy) => labelsMatch(selectorOf(policy), workload.labels));
  for (const policy of [selected, table.byNamespace.get(workload.namespace), table.mesh]) {
    if (policy === undefined) continue;
    // Only a selecting policy can speak of ports; validation sees to that.
    const mode = modeOf(policy === selected ? policy.spec.portLevelMtls?.[String(port)]?.mode : undefined) ?? modeOf(policy.spec.mtls?.mode);
    if (mode !== undefined) return { mode, policy };
  }
  return DEFAULT;
}

/** Ports with a mode of their own on a workload. */
export function mtlsPorts(
  context: Pick<PushContext, 'peerAuthentications'>,
  workload: { readonly namespace: string; readonly labels: Labels },
): readonly number[] {
  const policy = context.peerAuthentications.selecting.get(workload.namespace)?.find((entry) => labelsMatch(selectorOf(entry), workload.labels));
  return Object.keys(policy?.spec.portLevelMtls ?? {})
    .map(Number)
    .sort((a, b) => a - b);
}

function selectorOf(policy: Config<PeerAuthenticationSpec>): Labels {
  return policy.spec.selector?.matchLabels ?? {};
}

function modeOf(mode: string | undefined): MtlsMode | undefined {
  return mode === 'DISABLE' || mode === 'PERMISSIVE' || mode === 'STRICT' ? mode : undefined;
}
