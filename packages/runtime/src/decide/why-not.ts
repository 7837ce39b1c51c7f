import type { RequestView } from '../compiled.ts';
import { compileMatch } from '../compile/predicates.ts';
import { pathOf } from '../compile/target.ts';
import type { StringMatch } from '../types/common.ts';
import type { HeaderMatch, PathMatch, QueryMatch, RouteMatch } from '../types/route.ts';

const EVERYTHING: RouteMatch = {
  path: { t: 'prefix', value: '', ignoreCase: false },
  headers: [],
  query: [],
  metadata: [],
  grpc: false,
  fraction: 1,
};

/** The parts of a route's condition that do not hold, in words. Each part goes through the matcher that the request path uses. */
export function failedCriteria(match: RouteMatch, request: RequestView, roll: () => number): readonly string[] {
  const holds = (part: Partial<RouteMatch>): boolean => compileMatch({ ...EVERYTHING, ...part })(request, pathOf(request.path), roll);
  const failed: string[] = [];
  if (!holds({ path: match.path })) failed.push(`path ${JSON.stringify(pathOf(request.path))} is not ${describePath(match.path)}`);
  for (const header of match.headers) if (!holds({ headers: [header] })) failed.push(`header ${describeHeader(header)}`);
  for (const query of match.query) if (!holds({ query: [query] })) failed.push(`query parameter ${describeQuery(query)}`);
  failed.push(...failedStreamCriteria(match, holds));
  if (match.grpc && !holds({ grpc: true })) failed.push('not a gRPC request');
  if (match.fraction < 1 && !holds({ fraction: match.fraction })) failed.push(`outside of the ${match.fraction * 100} % of requests it takes`);
  return failed;
}

function failedStreamCriteria({ metadata, tls }: RouteMatch, holds: (part: Partial<RouteMatch>) => boolean): readonly string[] {
  const unmet = metadata.filter((item) => !holds({ metadata: [item] }));
  const texts = unmet.map((item) => `metadata of ${item.filter} at ${item.path.join('.')} does not match`);
  return tls === undefined || holds({ tls }) ? texts : [...texts, 'the client certificate is not as asked for'];
}

function describePath(path: PathMatch): string {
  if (path.t === 'connect') return 'that of a CONNECT request';
  const value = JSON.stringify(path.value);
  if (path.t === 'exact') return `exactly ${value}`;
  if (path.t === 'regex') return `matched by ${value}`;
  return path.t === 'prefix' ? `under prefix ${value}` : `${value} or below it`;
}

function describeHeader(header: HeaderMatch): string {
  const not = header.invert ? 'not ' : '';
  if (header.match.t === 'present') return `${header.name} must ${header.invert === header.match.present ? 'not ' : ''}be there`;
  if (header.match.t === 'range') return `${header.name} must ${not}be from ${header.match.start} to below ${header.match.end}`;
  return `${header.name} must ${not}${describeText(header.match.match)}`;
}

function describeQuery(query: QueryMatch): string {
  if (query.match.t === 'present') return `${query.name} must ${query.match.present ? '' : 'not '}be there`;
  return `${query.name} must ${describeText(query.match.match)}`;
}

function describeText(match: StringMatch): string {
  const value = JSON.stringify(match.value);
  const words = { exact: 'be', prefix: 'start with', suffix: 'end with', contains: 'contain', regex: 'be matched by' };
  return `${words[match.t]} ${value}`;
}
