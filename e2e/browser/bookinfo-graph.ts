import { createHash } from 'node:crypto';
import type { EdgeJson, GraphJson, NodeJson } from '@meltemi/console-api';

/** What a test may change about the picture. */
export interface PictureOptions {
  readonly endMs: number;
  /** Requests per second that enter at the gateway. */
  readonly requestsPerSecond: number;
  /** Percent of the calls of reviews v3 to ratings that fail with 503. */
  readonly ratingsErrorPercent: number;
  readonly reviewsVersions: readonly ('v1' | 'v2' | 'v3')[];
  readonly database: boolean;
}

export const BUSY: Omit<PictureOptions, 'endMs'> = {
  requestsPerSecond: 6,
  ratingsErrorPercent: 0,
  reviewsVersions: ['v1', 'v2', 'v3'],
  database: true,
};

const id = (text: string): string => createHash('sha256').update(text).digest('hex');

function appNode(app: string, version: string, extra: Partial<NodeJson> = {}): NodeJson {
  const namespace = extra.namespace ?? 'bookinfo';
  return {
    id: id(`${app}-${version}`),
    nodeType: 'app',
    cluster: 'meltemi',
    namespace,
    workload: `${app}-${version}`,
    app,
    version,
    labels: { app, version },
    healthData: null,
    healthStatus: 'Healthy',
    ...extra,
  };
}

function serviceNode(service: string, extra: Partial<NodeJson> = {}): NodeJson {
  return {
    id: id(`svc-${service}`),
    nodeType: 'service',
    cluster: 'meltemi',
    namespace: 'bookinfo',
    service,
    healthData: null,
    healthStatus: 'Healthy',
    destServices: [{ cluster: 'meltemi', namespace: 'bookinfo', name: service }],
    ...extra,
  };
}

interface Call {
  readonly from: string;
  readonly to: string;
  readonly rps: number;
  readonly errorPercent?: number;
  readonly tcp?: boolean;
  readonly ms?: number;
  readonly share?: number;
}

function edge({ from, to, rps, errorPercent = 0, tcp = false, ms, share }: Call): EdgeJson {
  const [source, target] = [id(from), id(to)];
  const mesh = {
    isMTLS: '100',
    sourcePrincipal: `spiffe://cluster.local/ns/bookinfo/sa/bookinfo-${from.replace(/^svc-|-v\d$/g, '')}`,
    destPrincipal: `spiffe://cluster.local/ns/bookinfo/sa/bookinfo-${to.replace(/^svc-|-v\d$/g, '')}`,
  };
  const base = {
    id: id(`${source}.${target}.${tcp ? 'tcp' : 'http'}`),
    source,
    target,
    ...mesh,
    ...(ms === undefined ? {} : { responseTime: String(ms) }),
    throughput: '412',
  };
  if (tcp)
    return {
      ...base,
      traffic: {
        protocol: 'tcp',
        rates: { tcp: (rps * 180).toFixed(2) },
        responses: { '-': { flags: { '-': '100.0' }, hosts: { [`${to.replace('svc-', '')}.bookinfo.svc.cluster.local`]: '100.0' } } },
      },
    };
  const failed = (rps * errorPercent) / 100;
  const rates: Record<string, string> = { http: rps.toFixed(2) };
  if (failed > 0) Object.assign(rates, { http5xx: failed.toFixed(2), httpPercentErr: errorPercent.toFixed(1) });
  if (share !== undefined) rates['httpPercentReq'] = share.toFixed(1);
  const host = `${to.replace(/^svc-|-v\d$/g, '')}.bookinfo.svc.cluster.local`;
  const responses = {
    200: { flags: { '-': (100 - errorPercent).toFixed(1) }, hosts: { [host]: (100 - errorPercent).toFixed(1) } },
    ...(failed > 0 ? { 503: { flags: { UH: errorPercent.toFixed(1) }, hosts: { [host]: errorPercent.toFixed(1) } } } : {}),
  };
  return {
    ...base,
    healthStatus: errorPercent >= 10 ? 'Failure' : errorPercent > 0 ? 'Degraded' : 'Healthy',
    traffic: { protocol: 'http', rates, responses },
  };
}

/** Bookinfo as the graph API shows it: with everything in use 9 apps, 5 services and 14 edges. */
export function bookinfoGraph({ endMs, requestsPerSecond: rps, ratingsErrorPercent, reviewsVersions, database }: PictureOptions): GraphJson {
  const each = rps / reviewsVersions.length;
  const rated = reviewsVersions.filter((version) => version !== 'v1');
  const health = ratingsErrorPercent >= 10 ? 'Failure' : ratingsErrorPercent > 0 ? 'Degraded' : 'Healthy';
  const nodes: NodeJson[] = [
    appNode('istio-ingressgateway', 'v1', {
      namespace: 'istio-system',
      version: 'latest',
      isRoot: true,
      isOutside: true,
      isGateway: { ingressInfo: { hostnames: ['*'] } },
    }),
    serviceNode('productpage', { hasVS: { hostnames: ['*'] } }),
    appNode('productpage', 'v1'),
    serviceNode('details'),
    appNode('details', 'v1'),
    serviceNode('reviews', { hasVS: { hostnames: ['reviews'] }, hasTrafficShifting: true }),
    ...reviewsVersions.map((version) => appNode('reviews', version)),
    serviceNode('ratings', { healthStatus: health }),
    appNode('ratings', 'v1', { healthStatus: health }),
    ...(database ? [appNode('ratings', 'v2'), serviceNode('postgresdb'), appNode('postgresdb', 'v1', { healthStatus: 'NA' })] : []),
  ];
  const ratings = each * rated.length;
  const calls: Call[] = [
    { from: 'istio-ingressgateway-v1', to: 'svc-productpage', rps },
    { from: 'svc-productpage', to: 'productpage-v1', rps, ms: 42 },
    { from: 'productpage-v1', to: 'svc-details', rps, share: 50 },
    { from: 'svc-details', to: 'details-v1', rps, ms: 4 },
    { from: 'productpage-v1', to: 'svc-reviews', rps, share: 50 },
    ...reviewsVersions.map((version): Call => ({
      from: 'svc-reviews',
      to: `reviews-${version}`,
      rps: each,
      ms: version === 'v1' ? 6 : 24,
      share: 100 / reviewsVersions.length,
    })),
    ...rated.map((version): Call => ({
      from: `reviews-${version}`,
      to: 'svc-ratings',
      rps: each,
      errorPercent: version === 'v3' ? ratingsErrorPercent : 0,
    })),
    { from: 'svc-ratings', to: 'ratings-v1', rps: database ? ratings / 2 : ratings, ms: 3, errorPercent: ratingsErrorPercent / 2 },
    ...(database
      ? [
          { from: 'svc-ratings', to: 'ratings-v2', rps: ratings / 2, ms: 12 },
          { from: 'ratings-v2', to: 'svc-postgresdb', rps: ratings / 2, tcp: true },
          { from: 'svc-postgresdb', to: 'postgresdb-v1', rps: ratings / 2, tcp: true },
        ]
      : []),
  ];
  return {
    timestamp: Math.floor(endMs / 1000),
    duration: 60,
    graphType: 'versionedApp',
    elements: { nodes: boxed(nodes).map((data) => ({ data })), edges: calls.map((call) => ({ data: edge(call) })) },
  };
}

function boxed(nodes: readonly NodeJson[]): NodeJson[] {
  const frames: NodeJson[] = [];
  const result = nodes.map((node) => ({ ...node }));
  for (const [app, members] of Map.groupBy(
    result.filter((node) => node.app !== undefined),
    (node) => node.app ?? '',
  )) {
    if (members.length < 2) continue;
    const frame: NodeJson = { id: id(`box-${app}`), nodeType: 'box', cluster: 'meltemi', namespace: 'bookinfo', app, isBox: 'app', healthData: null };
    frames.push(frame);
    for (const member of members) member.parent = frame.id;
  }
  const outer: NodeJson[] = ['bookinfo', 'istio-system'].map((namespace) => ({
    id: id(`ns-${namespace}`),
    nodeType: 'box',
    cluster: 'meltemi',
    namespace,
    isBox: 'namespace',
    healthData: null,
  }));
  for (const node of [...result, ...frames]) node.parent ??= id(`ns-${node.namespace}`);
  return [...outer, ...frames, ...result];
}
