import { regexFault } from '@meltemi/match';
import type { Finding } from '../../kind.ts';
import type { EnvoyFilter, EnvoyFilterPatch } from './envoy-filter.ts';

type ApplyTo = EnvoyFilterPatch['applyTo'];
type Operation = EnvoyFilterPatch['patch']['operation'];

const MERGES: readonly Operation[] = ['MERGE', 'MERGE_AND_REPLACE_LIST', 'REMOVE'];
const LISTS: readonly Operation[] = [...MERGES, 'ADD', 'INSERT_BEFORE', 'INSERT_AFTER', 'INSERT_FIRST'];

/** What can be done to what. The rest Istio drops without a word. */
const OPERATIONS: Readonly<Record<ApplyTo, readonly Operation[]>> = {
  LISTENER: [...MERGES, 'ADD'],
  FILTER_CHAIN: [...MERGES, 'ADD'],
  LISTENER_FILTER: [...LISTS, 'REPLACE'],
  NETWORK_FILTER: [...LISTS, 'REPLACE'],
  HTTP_FILTER: [...LISTS, 'REPLACE'],
  ROUTE_CONFIGURATION: ['MERGE', 'MERGE_AND_REPLACE_LIST'],
  VIRTUAL_HOST: [...MERGES, 'ADD'],
  HTTP_ROUTE: [...MERGES, 'INSERT_BEFORE', 'INSERT_AFTER', 'INSERT_FIRST'],
  CLUSTER: [...MERGES, 'ADD'],
  EXTENSION_CONFIG: [],
  BOOTSTRAP: [],
};

const OBJECTS: Readonly<Record<ApplyTo, 'listener' | 'routeConfiguration' | 'cluster' | undefined>> = {
  LISTENER: 'listener',
  FILTER_CHAIN: 'listener',
  LISTENER_FILTER: 'listener',
  NETWORK_FILTER: 'listener',
  HTTP_FILTER: 'listener',
  ROUTE_CONFIGURATION: 'routeConfiguration',
  VIRTUAL_HOST: 'routeConfiguration',
  HTTP_ROUTE: 'routeConfiguration',
  CLUSTER: 'cluster',
  EXTENSION_CONFIG: undefined,
  BOOTSTRAP: undefined,
};

/** Rules across the fields of an EnvoyFilter. */
export function validateEnvoyFilter(spec: EnvoyFilter): Finding[] {
  const findings: Finding[] = [];
  spec.targetRefs?.forEach((ref, index) => {
    if (ref.kind !== 'Gateway' || ref.group !== 'gateway.networking.k8s.io')
      findings.push({ path: ['targetRefs', index], message: 'only Gateways of gateway.networking.k8s.io can be targets' });
    if ((ref.namespace ?? '') !== '') findings.push({ path: ['targetRefs', index, 'namespace'], message: 'a target is always of the own namespace' });
  });
  spec.configPatches.forEach((patch, index) => findings.push(...patchRules(patch, ['configPatches', index])));
  return findings;
}

function patchRules(entry: EnvoyFilterPatch, at: Path): Finding[] {
  return [...operationRules(entry, at), ...matchRules(entry, at)];
}

type Path = readonly (string | number)[];

function operationRules({ applyTo, match, patch }: EnvoyFilterPatch, at: Path): Finding[] {
  const findings: Finding[] = [];
  const { operation, value } = patch;
  const allowed = OPERATIONS[applyTo];
  if (allowed.length > 0 && !allowed.includes(operation))
    findings.push({
      path: [...at, 'patch', 'operation'],
      message: `${operation} cannot be done to a ${applyTo}; possible are ${allowed.join(', ')}`,
    });
  if ((operation === 'REMOVE') === (value !== undefined))
    findings.push({ path: [...at, 'patch', 'value'], message: `${operation} ${value === undefined ? 'needs a value' : 'takes no value'}` });
  const beside = operation === 'INSERT_BEFORE' || operation === 'INSERT_AFTER';
  if (beside && !(ANCHORS[applyTo]?.(match) ?? true))
    findings.push({
      path: [...at, 'match'],
      message: `${operation} needs the name of what it is put beside: without one it goes to the ${operation === 'INSERT_BEFORE' ? 'begin' : 'end'}`,
      severity: 'warning',
    });
  return findings;
}

function matchRules({ applyTo, match }: EnvoyFilterPatch, at: Path): Finding[] {
  const object = OBJECTS[applyTo];
  const others = (['listener', 'routeConfiguration', 'cluster'] as const).filter((other) => object !== undefined && other !== object);
  const findings: Finding[] = others
    .filter((other) => match?.[other] !== undefined)
    .map((other) => ({ path: [...at, 'match', other], message: `a ${applyTo} is matched by "${object ?? ''}"` }));
  const version = match?.proxy?.proxyVersion;
  const fault = version === undefined ? undefined : versionFault(version);
  if (fault !== undefined) findings.push({ path: [...at, 'match', 'proxy', 'proxyVersion'], message: fault });
  return findings;
}

function versionFault(version: string): string | undefined {
  if (version.length > 1024) return `is ${version.length} characters long; the limit is 1024`;
  const fault = regexFault(version);
  return fault === undefined ? undefined : `is not a regular expression of RE2: ${fault}`;
}

/** Whether a match names what something is put beside. */
const ANCHORS: Readonly<Partial<Record<ApplyTo, (match: EnvoyFilterPatch['match']) => boolean>>> = {
  LISTENER_FILTER: (match) => match?.listener?.listenerFilter !== undefined,
  NETWORK_FILTER: (match) => match?.listener?.filterChain?.filter?.name !== undefined,
  HTTP_FILTER: (match) => match?.listener?.filterChain?.filter?.subFilter?.name !== undefined,
  HTTP_ROUTE: (match) => match?.routeConfiguration?.vhost?.route?.name !== undefined,
};
