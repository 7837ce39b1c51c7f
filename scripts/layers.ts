/** The table of rooms. `may` lists the internal packages a room may depend on; `'*'` is everything. */
export interface Layer {
  readonly pure: boolean;
  readonly may: readonly string[] | '*';
}

const pure = (...may: string[]): Layer => ({ pure: true, may });
const io = (...may: string[]): Layer => ({ pure: false, may });
const PURE_LOW = ['base', 'protos-types', 'wire', 'match', 'api', 'xds', 'pki', 'telemetry'];

export const LAYERS: Readonly<Record<string, Layer>> = {
  base: pure(),
  'protos-types': pure(),
  wire: pure('base'),
  match: pure('base'),
  api: pure('base', 'match'),
  xds: pure('base', 'protos-types'),
  pki: pure('base', 'protos-types'),
  telemetry: pure('base', 'protos-types'),
  model: pure('base', 'api', 'match'),
  runtime: pure('base', 'match', 'protos-types'),
  translate: pure('base', 'api', 'model', 'match', 'protos-types'),
  analysis: pure('base', 'api', 'model', 'match', 'protos-types'),
  explain: pure('base', 'api', 'model', 'match', 'translate', 'analysis', 'runtime', 'protos-types'),
  'console-api': pure('base', 'api', 'telemetry'),
  protos: io('base', 'protos-types'),
  http: io('base'),
  dns: io('base'),
  grpc: io('base'),
  'telemetry-store': io('base', 'telemetry'),
  registry: io('base', 'api', 'model', 'kubernetes'),
  agent: io('base', 'protos-types', 'xds', 'protos', 'grpc', 'http', 'dns', 'pki', 'telemetry'),
  proxy: io('base', 'protos-types', 'wire', 'match', 'runtime', 'xds', 'protos', 'grpc', 'pki', 'telemetry'),
  // runtime: what EnvoyFilters make of resources is judged by the decoder of our own proxy.
  'control-plane': io(
    ...PURE_LOW,
    'model',
    'translate',
    'analysis',
    'runtime',
    'console-api',
    'protos',
    'http',
    'grpc',
    'telemetry-store',
    'registry',
  ),
  console: io('base', 'console-api', 'telemetry', 'api', 'model', 'match', 'translate', 'analysis', 'runtime', 'explain'),
  bookinfo: io(),
  meltemi: { pure: false, may: '*' },
};

/** Directions that must never appear, whatever a package.json says. */
export const NEVER: readonly { readonly from: string; readonly to: string; readonly why: string }[] = [
  ...['proxy', 'runtime'].flatMap((from) =>
    ['api', 'model', 'translate', 'analysis', 'registry'].map((to) => ({ from, to, why: 'the data plane knows nothing of Istio kinds' })),
  ),
  ...['proxy', 'agent'].map((to) => ({ from: 'control-plane', to, why: 'xDS is the only contract between the two' })),
];

export const BANNED_IN_PURE: readonly { readonly name: string; readonly pattern: RegExp }[] = [
  { name: 'Date', pattern: /\bnew Date\b|\bDate\.(now|parse)\b/ },
  { name: 'Math.random', pattern: /\bMath\.random\b/ },
  { name: 'performance', pattern: /\bperformance\.now\b/ },
  { name: 'timers', pattern: /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\s*\(/ },
  { name: 'Buffer', pattern: /\bBuffer\.(from|alloc|concat)\b/ },
  { name: 'process', pattern: /\bprocess\.(env|argv|exit|cwd|nextTick)\b/ },
];
