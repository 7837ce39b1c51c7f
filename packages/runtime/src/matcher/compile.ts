import { cidrTable, isLoopback, parseIp } from '../compile/cidr.ts';
import { compileText } from '../compile/text.ts';
import type { ConnectionInfo, RequestView } from '../compiled.ts';
import type { CidrRange } from '../types/common.ts';
import type { IpBranch, Matcher, MatchInput, OnMatch, Predicate } from './types.ts';

/** Follows a tree to its action; undefined = it leads nowhere. */
export type Follow<S, A> = (subject: S) => A | undefined;

/** How an input is read of a subject; undefined = it is not there. */
export type ReadInput<S> = (input: MatchInput) => (subject: S) => string | undefined;

/** A tree as a function. */
export function compileMatcher<S, A>(matcher: Matcher<A>, read: ReadInput<S>): Follow<S, A> {
  const otherwise = matcher.otherwise === undefined ? undefined : compileOnMatch(matcher.otherwise, read);
  const found = compileBranches(matcher, read);
  return otherwise === undefined ? found : (subject) => found(subject) ?? otherwise(subject);
}

function compileOnMatch<S, A>(next: OnMatch<A>, read: ReadInput<S>): Follow<S, A> {
  if (next.t === 'matcher') return compileMatcher(next.matcher, read);
  const { action } = next;
  return () => action;
}

function compileBranches<S, A>(matcher: Matcher<A>, read: ReadInput<S>): Follow<S, A> {
  if (matcher.t === 'list') {
    const fields = matcher.fields.map(({ predicate, next }) => ({ holds: compilePredicate(predicate, read), follow: compileOnMatch(next, read) }));
    return (subject) => {
      for (const { holds, follow } of fields) {
        const action = holds(subject) ? follow(subject) : undefined;
        if (action !== undefined) return action;
      }
      return undefined;
    };
  }
  const value = read(matcher.input);
  if (matcher.t === 'ip') return compileRanges(matcher.ranges, value, read);
  const map = new Map(matcher.map.map(([key, next]) => [key, compileOnMatch(next, read)]));
  if (matcher.t === 'exact') {
    return (subject) => {
      const key = value(subject);
      return key === undefined ? undefined : map.get(key)?.(subject);
    };
  }
  // The longest prefix that leads somewhere.
  const prefixes = [...map].toSorted(([a], [b]) => b.length - a.length);
  return (subject) => {
    const key = value(subject);
    if (key === undefined) return undefined;
    for (const [prefix, follow] of prefixes) {
      const action = key.startsWith(prefix) ? follow(subject) : undefined;
      if (action !== undefined) return action;
    }
    return undefined;
  };
}

function compileRanges<S, A>(branches: readonly IpBranch<A>[], value: (subject: S) => string | undefined, read: ReadInput<S>): Follow<S, A> {
  const entries = branches
    .flatMap(({ ranges, next, exclusive }) => {
      const follow = compileOnMatch(next, read);
      return ranges.map((range) => ({ length: lengthOf(range), holds: holder([range]), follow, exclusive }));
    })
    .toSorted((a, b) => b.length - a.length);
  return (subject) => {
    const address = value(subject);
    if (address === undefined) return undefined;
    for (const { holds, follow, exclusive } of entries) {
      if (!holds(address)) continue;
      const action = follow(subject);
      if (action !== undefined || exclusive) return action;
    }
    return undefined;
  };
}

/** Ranges of both families are compared by what is left of them. */
function lengthOf({ address, prefixLength }: CidrRange): number {
  return parseIp(address)?.bits === 32 ? prefixLength + 96 : prefixLength;
}

function holder(ranges: readonly CidrRange[]): (address: string) => boolean {
  const table = cidrTable(
    ranges.map((range) => [range, true] as const),
    false,
  );
  return (address) => table.find(address) === true;
}

function compilePredicate<S>(predicate: Predicate, read: ReadInput<S>): (subject: S) => boolean {
  switch (predicate.t) {
    case 'and': {
      const parts = predicate.parts.map((part) => compilePredicate(part, read));
      return (subject) => parts.every((part) => part(subject));
    }
    case 'or': {
      const parts = predicate.parts.map((part) => compilePredicate(part, read));
      return (subject) => parts.some((part) => part(subject));
    }
    case 'not': {
      const part = compilePredicate(predicate.part, read);
      return (subject) => !part(subject);
    }
    case 'value':
    case 'ip': {
      const value = read(predicate.input);
      const test = predicate.t === 'value' ? compileText(predicate.match) : holder(predicate.ranges);
      return (subject) => {
        const text = value(subject);
        return text !== undefined && test(text);
      };
    }
  }
}

// ------------------------------------------------------------------------------------------------------------------ inputs

/** Of a connection, as the choice of a filter chain knows it. */
export const readConnection: ReadInput<ConnectionInfo> = (input) => {
  switch (input.t) {
    case 'destination-ip':
      return (connection) => connection.destination.address;
    case 'destination-port':
      return (connection) => String(connection.destination.port);
    case 'source-ip':
      return (connection) => connection.source.address;
    case 'source-port':
      return (connection) => String(connection.source.port);
    case 'direct-source-ip':
      return (connection) => connection.directSource.address;
    case 'source-type':
      return ({ source, destination }) => (isLoopback(source.address) || source.address === destination.address ? 'local' : undefined);
    case 'server-name':
      return (connection) => orNothing(connection.serverName);
    case 'transport-protocol':
      return (connection) => orNothing(connection.transportProtocol);
    case 'application-protocol':
      return ({ applicationProtocols }) =>
        applicationProtocols.length === 0 ? undefined : applicationProtocols.map((name) => `'${name}'`).join(',');
    case 'header':
      return () => undefined;
  }
};

function orNothing(text: string): string | undefined {
  return text === '' ? undefined : text;
}

/** Of a request. */
export const readRequest: ReadInput<RequestView> = (input) => {
  if (input.t !== 'header') return () => undefined;
  switch (input.name) {
    case ':path':
      return (request) => request.path;
    case ':method':
      return (request) => request.method;
    case ':authority':
    case 'host':
      return (request) => request.authority;
    case ':scheme':
      return (request) => request.scheme;
    default:
      return (request) => request.header(input.name);
  }
};
