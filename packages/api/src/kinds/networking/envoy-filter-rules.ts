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

function patchRules({ applyTo, match, patch }: EnvoyFilterPatch, at: readonly (string | number)[]): Finding[] {
  const findings: Finding[] = [];
  const { operation, value } = patch;
  const allowed = OPERATIONS[applyTo];
  if (allowed.length > 0 && !allowed.includes(operation))
    findings.push({
      path: [...at, 'patch', 'operation'],
      message: `${operation} cannot be done to a ${applyTo}; possible are ${allowed.join(', ')}`,
    });
  if (operation === 'REMOVE') {
    if (value !== undefined) findings.push({ path: [...at, 'patch', 'value'], message: 'REMOVE takes no value' });
  } else if (value === undefined) findings.push({ path: [...at, 'patch', 'value'], message: `${operation} needs a value` });
  const object = OBJECTS[applyTo];
  for (const other of ['listener', 'routeConfiguration', 'cluster'] as const) {
    if (match?.[other] !== undefined && object !== undefined && other !== object)
      findings.push({ path: [...at, 'match', other], message: `a ${applyTo} is matched by "${object}"` });
  }
  const version = match?.proxy?.proxyVersion;
  const fault =
    version === undefined ? undefined : version.length > 1024 ? `is ${version.length} characters long; the limit is 1024` : regexFault(version);
  if (fault !== undefined)
    findings.push({ path: [...at, 'match', 'proxy', 'proxyVersion'], message: `is not a regular expression of RE2: ${fault}` });
  const anchored = (operation === 'INSERT_BEFORE' || operation === 'INSERT_AFTER') && !hasAnchor(applyTo, match);
  if (anchored)
    findings.push({
      path: [...at, 'match'],
      message: `${operation} needs the name of what it is put beside: without one it goes to the ${operation === 'INSERT_BEFORE' ? 'begin' : 'end'}`,
      severity: 'warning',
    });
  return findings;
}

function hasAnchor(applyTo: ApplyTo, match: EnvoyFilterPatch['match']): boolean {
  switch (applyTo) {
    case 'LISTENER_FILTER':
      return match?.listener?.listenerFilter !== undefined;
    case 'NETWORK_FILTER':
      return match?.listener?.filterChain?.filter?.name !== undefined;
    case 'HTTP_FILTER':
      return match?.listener?.filterChain?.filter?.subFilter?.name !== undefined;
    case 'HTTP_ROUTE':
      return match?.routeConfiguration?.vhost?.route?.name !== undefined;
    default:
      return true;
  }
}
