import type { GraphType } from '../api/kiali.ts';
import type { LayoutName } from '../graph/layout/elk-input.ts';
import type { EdgeLabelKind } from '../graph/render/labels.ts';

/** How one option of the console stands in the address bar, under the name that Kiali gives it. */
interface Param<T> {
  readonly name: string;
  readonly initial: T;
  readonly parse: (text: string) => T | undefined;
  readonly format: (value: T) => string;
}

type ResponseTimeKind = 'avg' | 'rt50' | 'rt95' | 'rt99';
type ThroughputKind = 'throughputRequest' | 'throughputResponse';

/** Which labels edges carry, and in which variant. */
export interface EdgeLabels {
  readonly kinds: ReadonlySet<EdgeLabelKind>;
  readonly responseTime: ResponseTimeKind;
  readonly throughput: ThroughputKind;
}

function flag(name: string, initial: boolean): Param<boolean> {
  return { name, initial, parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined), format: String };
}

function text(name: string): Param<string> {
  return { name, initial: '', parse: (value) => value, format: (value) => value };
}

function oneOf<T extends string>(name: string, initial: T, values: readonly T[]): Param<T> {
  return { name, initial, parse: (value) => values.find((one) => one === value), format: (value) => value };
}

function integer(name: string, initial: number): Param<number> {
  return { name, initial, parse: (value) => (/^-?\d+$/.test(value) ? Number(value) : undefined), format: String };
}

const LABEL_KINDS: readonly EdgeLabelKind[] = ['responseTime', 'throughput', 'trafficDistribution', 'trafficRate'];

function parseEdgeLabels(value: string): EdgeLabels {
  const words = new Set(value.split(','));
  return {
    kinds: new Set(LABEL_KINDS.filter((kind) => words.has(kind))),
    responseTime: (['avg', 'rt50', 'rt95', 'rt99'] as const).find((one) => words.has(one)) ?? 'rt95',
    throughput: words.has('throughputResponse') ? 'throughputResponse' : 'throughputRequest',
  };
}

function formatEdgeLabels(labels: EdgeLabels): string {
  const words = LABEL_KINDS.filter((kind) => labels.kinds.has(kind)).flatMap((kind) => {
    if (kind === 'responseTime') return [kind, labels.responseTime];
    return kind === 'throughput' ? [kind, labels.throughput] : [kind];
  });
  return words.length === 0 ? 'noEdgeLabels' : words.join(',');
}

function namespaceList(value: string): readonly string[] {
  return [...new Set(value.split(',').filter((name) => name !== ''))];
}

/** 0 is "Pause", `LIVE` is by push; everything else is milliseconds between two readings. */
export const LIVE = -2;

/** Every option that the address bar holds. A value equal to the initial one is left out. */
export const PARAMS = {
  namespaces: { name: 'namespaces', initial: undefined, parse: namespaceList, format: (value) => (value ?? []).join(',') } satisfies Param<
    readonly string[] | undefined
  >,
  durationSeconds: { ...integer('duration', 60), parse: (value: string) => (/^\d+$/.test(value) && Number(value) >= 10 ? Number(value) : undefined) },
  refreshMs: integer('refresh', LIVE),
  graphType: oneOf<GraphType>('graphType', 'versionedApp', ['app', 'service', 'versionedApp', 'workload']),
  edgeLabels: {
    name: 'edges',
    initial: { kinds: new Set<EdgeLabelKind>(['trafficRate']), responseTime: 'rt95', throughput: 'throughputRequest' },
    parse: parseEdgeLabels,
    format: formatEdgeLabels,
  } satisfies Param<EdgeLabels>,
  layout: oneOf<LayoutName>('layout', 'layered', ['layered', 'grid', 'concentric', 'breadthfirst']),
  serviceNodes: flag('injectServiceNodes', true),
  idleEdges: flag('idleEdges', false),
  idleNodes: flag('idleNodes', false),
  boxNamespace: flag('boxNamespace', true),
  boxCluster: flag('boxCluster', false),
  badgeSecurity: flag('badgeSecurity', true),
  badgeSidecar: flag('badgeSidecar', true),
  badgeVS: flag('badgeVS', true),
  animation: flag('animation', true),
  rank: flag('rank', false),
  find: text('graphFind'),
  hide: text('graphHide'),
  traffic: { name: 'traffic', initial: 'grpc,http,tcp', parse: (value: string) => value, format: (value: string) => value } satisfies Param<string>,
  selected: text('selected'),
  view: oneOf('view', 'canvas', ['canvas', 'table']),
  legend: flag('legend', false),
  hideHealthyEdges: flag('hideHealthyEdges', false),
  panel: flag('summaryPanel', true),
  sort: text('sort'),
  direction: oneOf('direction', 'asc', ['asc', 'desc']),
  filters: text('filters'),
  page: integer('page', 1),
  perPage: integer('perPage', 20),
  overviewView: oneOf('displayMode', 'EXPAND', ['EXPAND', 'COMPACT', 'LIST']),
  overviewType: oneOf('overviewType', 'app', ['app', 'workload', 'service']),
  kiosk: flag('kiosk', false),
} as const;

type ParamKey = keyof typeof PARAMS;
export type Options = {
  readonly [K in ParamKey]: ReturnType<(typeof PARAMS)[K]['parse']> extends infer V
    ? Exclude<V, undefined> | (K extends 'namespaces' ? undefined : never)
    : never;
};

/** The options that a search string holds; what is missing or unreadable is initial. Old names of Kiali's are understood. */
export function readOptions(search: string): Options {
  const params = new URLSearchParams(search);
  // Kiali writes `dagre` for what is our layered layout, and `traffic` with a rate's name beside the protocol.
  if (['dagre', 'kiali-dagre', 'kiali-grid'].includes(params.get('layout') ?? ''))
    params.set('layout', params.get('layout') === 'kiali-grid' ? 'grid' : 'layered');
  const options: Record<string, unknown> = {};
  for (const [key, param] of Object.entries(PARAMS) as [ParamKey, Param<unknown>][]) {
    const given = params.get(param.name);
    options[key] = given === null ? param.initial : (param.parse(given) ?? param.initial);
  }
  return options as unknown as Options;
}

/** The search string with some options changed. What the console does not know stays as it is. */
export function writeOptions(search: string, changes: Partial<Options>): string {
  const params = new URLSearchParams(search);
  for (const [key, value] of Object.entries(changes) as [ParamKey, never][]) {
    const param = PARAMS[key] as Param<unknown>;
    const written = value === undefined ? undefined : param.format(value);
    if (written === undefined || (param.initial !== undefined && written === param.format(param.initial))) params.delete(param.name);
    else params.set(param.name, written);
  }
  const result = params.toString().replaceAll('%2C', ',');
  return result === '' ? '' : `?${result}`;
}

/** The protocols of the graph that are shown. */
export function protocolsOf(traffic: string): ReadonlySet<string> {
  return new Set(traffic.split(',').filter((word) => word === 'http' || word === 'grpc' || word === 'tcp'));
}
