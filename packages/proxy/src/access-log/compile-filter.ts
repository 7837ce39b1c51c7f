import { randomInt } from 'node:crypto';
import { compileHeader, compileMetadataMatch, type AccessLogFilter, type MetadataStruct, type RequestView } from '@meltemi/runtime';
import { grpcStatusOf } from '../http/grpc.ts';
import { RESPONSE_FLAGS, type StreamInfo } from '../types.ts';
import { requestHeader, type CaptureList } from './operators.ts';
import type { Getter } from './stream-operators.ts';

const REASON_AT = 14;

/** Does the filter take the stream? */
export type StreamTest = (info: StreamInfo) => boolean;

/** Compiles a filter; the headers that it looks at are added to `capture`. */
export function compileFilter(filter: AccessLogFilter, capture: CaptureList): StreamTest {
  return 'filters' in filter ? compileGroup(filter, capture) : compileOne(filter, capture);
}

function compileOne(filter: Exclude<AccessLogFilter, { t: 'and' | 'or' }>, capture: CaptureList): StreamTest {
  switch (filter.t) {
    case 'status-code':
      return (info) => compare(info.responseCode, filter.op, filter.value);
    case 'duration':
      return (info) => compare(info.endMs - info.startMs, filter.op, filter.valueMs);
    case 'response-flag':
      return compileFlags(filter.flags);
    case 'not-health-check':
      return () => true;
    case 'traceable':
      return isForced;
    case 'share':
      return compileShare(filter);
    case 'header':
      return compileHeaderFilter(filter.match, capture);
    case 'grpc-status':
      return (info) => filter.statuses.includes(statusOf(info)) !== filter.exclude;
    case 'metadata':
      return compileMetadata(filter);
    case 'log-type':
      return ({ logType }) => filter.types.includes(logType) !== filter.exclude;
  }
}

function compileGroup({ t, filters }: AccessLogFilter & { t: 'and' | 'or' }, capture: CaptureList): StreamTest {
  const tests = filters.map((inner) => compileFilter(inner, capture));
  return t === 'and' ? (info) => tests.every((test) => test(info)) : (info) => tests.some((test) => test(info));
}

/** Like Envoy: those whose trace somebody inside has forced, which the id tells. */
function isForced({ trace, requestId }: StreamInfo): boolean {
  return trace?.traced === true && requestId[REASON_AT] === 'a';
}

function compare(value: number, op: 'eq' | 'ge' | 'le', limit: number): boolean {
  if (op === 'eq') return value === limit;
  return op === 'ge' ? value >= limit : value <= limit;
}

function compileFlags(flags: readonly string[]): StreamTest {
  if (flags.length === 0) return (info) => info.flags !== 0;
  let wanted = 0;
  for (const flag of flags) wanted |= 1 << RESPONSE_FLAGS.findIndex((known) => known === flag);
  return (info) => (info.flags & wanted) !== 0;
}

/** The first digits of a request's id as a number, which each proxy on its way comes to; undefined = it has none like that. */
export function requestNumber(id: string): number | undefined {
  const digits = id.slice(0, 8);
  return /^[0-9a-fA-F]{8}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

function compileShare({ numerator, denominator, independent }: AccessLogFilter & { t: 'share' }): StreamTest {
  return (info) => {
    const drawn = independent ? undefined : requestNumber(info.requestId);
    return (drawn ?? randomInt(denominator)) % denominator < numerator;
  };
}

/** What the call ended with; where nothing was said, what its HTTP status comes to. */
function statusOf({ grpcStatus, responseCode }: StreamInfo): number {
  if (grpcStatus !== '') return Number(grpcStatus);
  return grpcStatusOf(responseCode);
}

/** The finished request, as header matchers see it; one for all. */
class FinishedRequest implements RequestView {
  info: StreamInfo | undefined = undefined;
  readonly scheme = 'http';
  readonly #headers = new Map<string, Getter>();
  readonly #capture: CaptureList;

  constructor(capture: CaptureList) {
    this.#capture = capture;
  }

  watch(name: string): void {
    this.#headers.set(name, requestHeader(name, this.#capture));
  }

  get method(): string {
    return this.info?.method ?? '';
  }
  get path(): string {
    return this.info?.path ?? '';
  }
  get authority(): string {
    return this.info?.authority ?? '';
  }
  header(name: string): string | undefined {
    const value = this.info === undefined ? undefined : this.#headers.get(name)?.(this.info);
    return value === undefined ? undefined : String(value);
  }
}

function compileHeaderFilter(match: (AccessLogFilter & { t: 'header' })['match'], capture: CaptureList): StreamTest {
  const view = new FinishedRequest(capture);
  view.watch(match.name);
  const test = compileHeader(match);
  return (info) => {
    view.info = info;
    return test(view);
  };
}

function compileMetadata({ match, otherwise }: AccessLogFilter & { t: 'metadata' }): StreamTest {
  const present = compileMetadataMatch({ ...match, value: { t: 'present', value: true } });
  const test = compileMetadataMatch(match);
  return ({ dynamicMetadata }) => {
    const read = (namespace: string): MetadataStruct | undefined => dynamicMetadata?.get(namespace);
    return present(read) ? test(read) : otherwise;
  };
}
