import type { Decision, DecisionStep, RuntimeState } from '@meltemi/runtime';
import { reasonsOf } from './reasons.ts';
import type { Fault, Leg, Shared, SimulatedMesh } from './types.ts';

type StepOf<T extends DecisionStep['t']> = Extract<DecisionStep, { readonly t: T }>;

/** A decision told in the words of a result. */
export function legOf(node: string, decision: Decision, runtime: RuntimeState, mesh: SimulatedMesh): Leg {
  const endpoints = stepOf(decision, 'endpoints');
  const policy = stepOf(decision, 'policy');
  const { outcome } = decision;
  const forward = outcome.t === 'forward' ? outcome : { path: '', authority: '' };
  return {
    node,
    decision,
    clusters: (stepOf(decision, 'cluster')?.weights ?? []).map(({ cluster, share }) => ({ share, value: cluster })),
    hosts: endpoints?.hosts ?? [],
    timeoutMs: policy?.timeoutMs ?? 0,
    ...(policy?.retry === undefined ? {} : { retry: policy.retry }),
    faults: faultsOf(decision, runtime),
    mirrors: (policy?.mirrors ?? []).flatMap(({ cluster, fraction }) => (cluster.t === 'one' ? [{ share: fraction, value: cluster.name }] : [])),
    path: forward.path,
    authority: forward.authority,
    because: reasonsOf(decision, mesh),
  };
}

function stepOf<T extends DecisionStep['t']>(decision: Decision, t: T): StepOf<T> | undefined {
  return decision.steps.find((step): step is StepOf<T> => step.t === t);
}

/** What is read of a fault filter's settings. */
interface FaultSettings {
  readonly delay?: FaultShare & { readonly ms: number };
  readonly abort?: FaultShare & { readonly status: number };
}

interface FaultShare {
  readonly t: 'fixed' | 'header';
  readonly numerator: number;
  readonly denominator: number;
}

/** The faults of the route that was taken, whether they hit this call or not. */
function faultsOf(decision: Decision, runtime: RuntimeState): readonly Shared<Fault>[] {
  const { delay, abort } = faultSettings(decision, runtime);
  return [
    ...(delay?.t === 'fixed' ? [{ share: delay.numerator / delay.denominator, value: { t: 'delay', delayMs: delay.ms } as const }] : []),
    ...(abort?.t === 'fixed' ? [{ share: abort.numerator / abort.denominator, value: { t: 'abort', status: abort.status } as const }] : []),
  ];
}

function faultSettings(decision: Decision, runtime: RuntimeState): FaultSettings {
  const table = stepOf(decision, 'route-table');
  const host = stepOf(decision, 'virtual-host');
  const route = stepOf(decision, 'route');
  if (table === undefined || host === undefined || route === undefined) return {};
  const { overrides = {} } = runtime.routes(table.name)?.virtualHost(host.authority)?.routes[route.index] ?? {};
  const fault = Object.values(overrides).find((entry) => entry.t === 'settings' && entry.kind === 'fault');
  return fault?.t === 'settings' ? (fault.config as FaultSettings) : {};
}
