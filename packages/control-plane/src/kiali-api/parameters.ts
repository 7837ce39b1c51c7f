import { HttpError } from '@meltemi/http';
import { DEFAULT_APPENDERS, parseDuration, type AppenderName, type FocusNode, type GraphOptions, type GraphType } from '@meltemi/telemetry';
import type { BoxBy } from '@meltemi/console-api';

/** What a graph request asks for. */
export interface GraphRequest {
  /** `queryTimeMs` is undefined for "now". */
  readonly options: Omit<GraphOptions, 'queryTimeMs'>;
  readonly queryTimeMs: number | undefined;
  readonly boxBy: readonly BoxBy[];
}

function bad(message: string): HttpError {
  return new HttpError(400, 'kiali/bad-parameter', message);
}

function oneOf<T extends string>(query: URLSearchParams, name: string, allowed: readonly T[], fallback: T): T {
  const value = query.get(name);
  if (value === null || value === '') return fallback;
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw bad(`Invalid ${name} [${value}]. Use one of: ${allowed.join(', ')}.`);
  return found;
}

function flag(query: URLSearchParams, name: string, fallback: boolean): boolean {
  return oneOf(query, name, ['true', 'false'], fallback ? 'true' : 'false') === 'true';
}

const MAX_DURATION_MS = 30 * 86_400_000;

/** `60s`, `5m`, or seconds. */
export function durationParameter(query: URLSearchParams, name: string, fallbackMs: number): number {
  const text = query.get(name);
  if (text === null || text === '') return fallbackMs;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : parseDuration(text);
  if (ms === undefined || !(ms >= 1000 && ms <= MAX_DURATION_MS))
    throw bad(`Invalid ${name} [${text}]. Use a duration such as 60s or 10m, up to 30d.`);
  return ms;
}

/** Comma-separated; all when there is none. */
export function namespacesParameter(query: URLSearchParams, all: readonly string[]): readonly string[] {
  const text = query.get('namespaces');
  if (text === null || text.trim() === '') return all;
  return [...new Set(text.split(',').map((one) => one.trim()))].filter((one) => one !== '');
}

const APPENDERS: readonly AppenderName[] = [...DEFAULT_APPENDERS, 'idleNode'];
/** Names of Kiali that are always on here, or that have nothing to do without ambient mode and extensions. */
const IGNORED_APPENDERS = ['aggregateNode', 'ambient', 'extensions', 'sidecarsCheck', 'healthConfig', 'none'];

function appenders(query: URLSearchParams): ReadonlySet<AppenderName> {
  const text = query.get('appenders');
  if (text === null || text === '') return DEFAULT_APPENDERS;
  const chosen = new Set<AppenderName>();
  for (const name of text.split(',').map((one) => one.trim())) {
    const known = APPENDERS.find((one) => one === name);
    if (known !== undefined) chosen.add(known);
    else if (name === 'sidecarsCheck') chosen.add('meshCheck');
    else if (!IGNORED_APPENDERS.includes(name)) throw bad(`Invalid appender [${name}]. Use some of: ${APPENDERS.join(', ')}.`);
  }
  return chosen;
}

function boxes(query: URLSearchParams): readonly BoxBy[] {
  const text = query.get('boxBy') ?? '';
  return text
    .split(',')
    .filter((one) => one !== '' && one !== 'none')
    .map((one) => {
      if (one !== 'app' && one !== 'cluster' && one !== 'namespace') throw bad(`Invalid boxBy [${one}]. Use some of: app, cluster, namespace.`);
      return one;
    });
}

/** Reads Kiali's parameters of a graph. Throws HttpError 400 that names the parameter. */
export function graphRequest(query: URLSearchParams, all: readonly string[], focus?: FocusNode): GraphRequest {
  const graphType = oneOf<GraphType>(
    query,
    'graphType',
    ['versionedApp', 'app', 'workload', 'service'],
    focus?.service !== undefined || focus?.workload !== undefined ? 'workload' : 'versionedApp',
  );
  const time = query.get('queryTime');
  if (time !== null && !/^\d{1,12}$/.test(time)) throw bad(`Invalid queryTime [${time}]. Use seconds since the epoch.`);
  return {
    queryTimeMs: time === null ? undefined : Number(time) * 1000,
    boxBy: boxes(query),
    options: {
      namespaces: focus === undefined ? namespacesParameter(query, all) : [focus.namespace],
      graphType,
      durationMs: durationParameter(query, 'duration', 600_000),
      injectServiceNodes: flag(query, 'injectServiceNodes', true) || focus?.service !== undefined,
      includeIdleEdges: flag(query, 'includeIdleEdges', false),
      rateHttp: oneOf(query, 'rateHttp', ['requests', 'none'], 'requests'),
      rateGrpc: oneOf(query, 'rateGrpc', ['requests', 'sent', 'received', 'total', 'none'], 'requests'),
      rateTcp: oneOf(query, 'rateTcp', ['sent', 'received', 'total', 'none'], 'sent'),
      responseTime: oneOf(query, 'responseTime', ['95', '50', '99', 'avg'], '95'),
      throughputType: oneOf(query, 'throughputType', ['request', 'response'], 'request'),
      appenders: appenders(query),
      ...(focus === undefined ? {} : { focus }),
    },
  };
}
