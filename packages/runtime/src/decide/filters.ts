import type { ClusterChoice, CompiledHttp, CompiledRoute, RequestView } from '../compiled.ts';
import { editedValue } from '../filters/edited-value.ts';
import type { FilterContext, FilterPeer, FilterVerdict, HeaderEdit, MetadataStruct } from '../filters/types.ts';
import type { Outcome } from './types.ts';
import type { Trail } from './index.ts';

/** A request on its way through the filters: what they have made of it so far. */
export interface Walk {
  readonly request: RequestView;
  readonly route: CompiledRoute | undefined;
  readonly choice: ClusterChoice | undefined;
}

/** What the filters did: an answer of theirs, or the request as it goes on. */
export type FilterOutcome = { readonly t: 'stopped'; readonly outcome: Outcome } | { readonly t: 'passed'; readonly walk: Walk };

/** Runs the filters' decisions. A filter that has to ask somebody is told of and passed: what the answer is only the running proxy learns. */
export function runFilters(trail: Trail, http: CompiledHttp, start: Walk, reroute: (request: RequestView) => Walk): FilterOutcome {
  const metadata: Record<string, MetadataStruct> = {};
  const known = (namespace: string): MetadataStruct | undefined => (Object.hasOwn(metadata, namespace) ? metadata[namespace] : undefined);
  let walk: Walk = { ...start, request: { ...start.request, metadata: known } };
  let position = -1;
  for (let next = nextFilter(http, walk, position); next !== undefined; next = nextFilter(http, walk, position)) {
    ({ position } = next);
    const verdict = next.decide(contextOf(trail, walk, known));
    if (verdict === undefined) continue;
    const { delayMs = 0, reply, ask } = verdict;
    Object.assign(metadata, verdict.metadata);
    trail.steps.push({
      t: 'filter',
      name: next.name,
      delayMs,
      ...(reply === undefined ? {} : { reply }),
      ...(verdict.metadata === undefined ? {} : { metadata: verdict.metadata }),
      ...(verdict.request === undefined ? {} : { edits: verdict.request }),
      ...(ask === undefined ? {} : { asks: true }),
    });
    if (reply !== undefined)
      return { t: 'stopped', outcome: { t: 'respond', status: reply.status, flag: reply.flag, details: reply.details, body: reply.body } };
    walk = changed(walk, verdict, reroute);
  }
  return { t: 'passed', walk };
}

function nextFilter(http: CompiledHttp, walk: Walk, after: number): ReturnType<CompiledHttp['filters']['of']>[number] | undefined {
  return http.filters.of(walk.route, walk.choice).find((filter) => filter.position > after);
}

function changed(walk: Walk, verdict: FilterVerdict, reroute: (request: RequestView) => Walk): Walk {
  const request = verdict.request === undefined ? walk.request : edited(walk.request, verdict.request);
  return verdict.reroute === true ? reroute(request) : { ...walk, request };
}

/** The request with a head that was changed. */
function edited(request: RequestView, edits: readonly HeaderEdit[]): RequestView {
  const own = new Map<string, string | undefined>();
  const read = (name: string): string | undefined => (own.has(name) ? own.get(name) : request.header(name));
  const line = { method: request.method, path: request.path, authority: request.authority };
  for (const edit of edits) {
    const { name, value } = edit;
    if (name === ':path') line.path = value;
    else if (name === ':method') line.method = value;
    else if (name === ':authority' || name === 'host') line.authority = value;
    else own.set(name, editedValue(read(name), edit));
  }
  return { ...request, ...line, header: read };
}

function contextOf(trail: Trail, { request, route, choice }: Walk, metadata: FilterContext['metadata']): FilterContext {
  return {
    request,
    route,
    choice,
    peer: peerOf(trail),
    thread: {
      random: trail.random,
      nowMs: () => 0,
      wallMs: () => trail.request.wallMs ?? 0,
      activeFaults: 0,
      failing: false,
      serviceCluster: '',
      hosts: () => undefined,
      tally: () => ({ value: 0 }),
      signatures: signaturesOf(trail.request.signatures),
    },
    endOfStream: true,
    metadata,
    format: { format: (operator, argument) => (operator === 'REQ' ? request.header(argument.toLowerCase()) : undefined) },
  };
}

function signaturesOf(worth: 'good' | 'bad' | undefined): FilterContext['thread']['signatures'] {
  return worth === undefined ? undefined : () => (worth === 'good' ? '' : 'Jwt verification fails');
}

function peerOf({ request }: Trail): FilterPeer {
  const { connection, peer } = request;
  const identity = { peerUri: '', peerDns: [], peerSubject: '', localUri: '', peerPem: '', ...peer };
  return {
    connection,
    directAddress: connection.directSource.address,
    directPort: connection.directSource.port,
    sourceAddress: connection.source.address,
    remoteAddress: connection.source.address,
    localAddress: connection.destination.address,
    localPort: connection.destination.port,
    serverName: connection.serverName,
    tls: connection.transportProtocol === 'tls' || peer !== undefined ? identity : undefined,
  };
}
