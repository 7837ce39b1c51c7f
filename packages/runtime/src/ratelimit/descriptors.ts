import { maskAddress } from '../compile/cidr.ts';
import { metadataAt } from '../compile/metadata-match.ts';
import { compileHeader, compileQuery } from '../compile/predicates.ts';
import type { CompiledRoute } from '../compiled.ts';
import type { FilterContext } from '../filters/types.ts';
import type { Descriptor, DescriptorEntry, RateLimitAction, RateLimitRule, VirtualHostRules } from './types.ts';

/** Makes the descriptors of a request; rules that do not apply to it make none. */
export type DescriptorMaker = (context: FilterContext) => readonly Descriptor[];

/** `skip`: nothing to add; `none`: the whole descriptor does not apply. */
type Part = (context: FilterContext) => DescriptorEntry | 'skip' | 'none';

/** The rules of a route that are of a stage; `undefined` = there is none. */
export function routeDescriptors(route: CompiledRoute | undefined, stage: number, hostRules: VirtualHostRules): DescriptorMaker | undefined {
  if (route === undefined) return undefined;
  const own = route.config.action.t === 'forward' ? route.config.action.rateLimits : [];
  const withHost = hostRules === 'include' || (hostRules === 'override' && own.length === 0);
  return compileDescriptors([...own, ...(withHost ? route.virtualHost.rateLimits : [])], stage);
}

/** Compiles the rules of one stage. */
export function compileDescriptors(rules: readonly RateLimitRule[], stage: number): DescriptorMaker | undefined {
  const compiled = rules.filter((rule) => rule.stage === stage).map((rule) => rule.actions.map(compileAction));
  if (compiled.length === 0) return undefined;
  return (context) => compiled.map((parts) => makeDescriptor(parts, context)).filter((descriptor) => descriptor !== undefined);
}

function makeDescriptor(parts: readonly Part[], context: FilterContext): Descriptor | undefined {
  const entries: DescriptorEntry[] = [];
  for (const part of parts) {
    const entry = part(context);
    if (entry === 'none') return undefined;
    if (entry !== 'skip') entries.push(entry);
  }
  return entries.length === 0 ? undefined : entries;
}

function compileAction(action: RateLimitAction): Part {
  switch (action.t) {
    case 'destination-cluster':
      return ({ choice }) => ({ key: 'destination_cluster', value: choice?.cluster ?? '' });
    case 'header':
      return ({ request }) => {
        const value = request.header(action.name);
        if (value === undefined) return action.skip ? 'skip' : 'none';
        return { key: action.key, value };
      };
    case 'remote-address':
      return ({ peer }) => ({ key: 'remote_address', value: peer.remoteAddress });
    case 'masked-address':
      return ({ peer }) => {
        const value = maskAddress(peer.remoteAddress, action.v4Bits, action.v6Bits);
        return value === undefined ? 'none' : { key: 'masked_remote_address', value };
      };
    case 'generic': {
      const entry = { key: action.key, value: action.value };
      return () => entry;
    }
    case 'header-match': {
      const tests = action.headers.map(compileHeader);
      return matched(action, ({ request }) => tests.every((test) => test(request)));
    }
    case 'query-match': {
      const test = compileQuery(action.query);
      return matched(action, ({ request }) => test(request.path));
    }
    case 'metadata':
      return compileMetadata(action);
  }
}

function matched({ key, value, expect }: { key: string; value: string; expect: boolean }, test: (context: FilterContext) => boolean): Part {
  const entry = { key, value };
  return (context) => (test(context) === expect ? entry : 'none');
}

function compileMetadata({ key, filter, path, fallback, skip }: RateLimitAction & { t: 'metadata' }): Part {
  return (context) => {
    const found = metadataAt(context.metadata(filter), path);
    const value = typeof found === 'string' && found !== '' ? found : fallback;
    if (value !== '') return { key, value };
    return skip ? 'skip' : 'none';
  };
}
