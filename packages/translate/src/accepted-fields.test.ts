/** No field is accepted and ignored: what validation takes changes what some proxy gets. A new field of a kind needs an example, here or among the goldens. */
import assert from 'node:assert/strict';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeYaml, jsonSchemaOf, KINDS, kindByName, type KindDefinition, type SchemaNode } from '@meltemi/api';
import { decodeCluster, decodeEndpoint, decodeListener, decodeRoute, type Decoded } from '@meltemi/runtime';
import { linked } from './testdata/test-links.ts';
import { readMeshCase, resourcesOf, type MeshCase } from './testdata/mesh-case.ts';

type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };
type Path = readonly (string | number)[];

/** An object as it is written. */
interface Written {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: object;
  readonly spec: Value;
}

/** A mesh, and the objects of it that are to be changed. */
interface Example {
  readonly file: string;
  readonly head: string;
  readonly objects: readonly Written[];
}

const FOLDER = join(import.meta.dirname, 'testdata');
const decoded = ['accepted-fields.yaml', ...globSync('golden/*/*.in.yaml', { cwd: FOLDER }).sort()].map((file) => {
  const documents = readFileSync(join(FOLDER, file), 'utf8').split(/^---$/m);
  const head = documents.find((document) => document.trimStart().startsWith('# mesh')) ?? '';
  return { file, head, ...decodeYaml(documents.filter((document) => document !== head).join('---\n'), { file, takeUnsupported: true }) };
});
const EXAMPLES: readonly Example[] = decoded.map(({ file, head, configs }) => ({
  file,
  head,
  objects: configs.map(({ apiVersion, kind, meta: { name, namespace, creationTimestamp, labels }, spec }) => ({
    apiVersion,
    kind,
    metadata: { name, namespace, creationTimestamp, labels },
    spec: spec as Value,
  })),
}));

/** Fields, of every kind or of the one before them, that decide about other things than what proxies get, and where that is. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'servers[].name': 'a name for people; must be unique',
  'servers[].port.name': 'a name for people; must be unique',
  'servers[].port.protocol': 'each protocol has a golden of its own in golden/gateway',
  'ingress[].port.name': 'a name for people',
  'egress[].port.name': 'a name for people',
  ...Object.fromEntries(
    ['RequestAuthentication', 'EnvoyFilter'].flatMap((kind) => [
      [`${kind} targetRefs[].group`, 'gateway.networking.k8s.io is the one group that is taken'],
      [`${kind} targetRefs[].kind`, 'Gateway is the one kind that is taken'],
      [`${kind} targetRefs[].namespace`, 'it may only be empty'],
    ]),
  ),
  description: 'for people',
  'jwtRules[].timeout': 'how long the control plane waits for keys: control-plane/src/jwks/key-keeper.test.ts',
  'rules[].name': 'HTTP tells it in logs; of TCP and TLS it is a name for people',
  'validation.caCertificateRefs[].group': 'the core group is the one that is taken',
  'validation.wellKnownCACertificates': 'System is the one value: see golden/gateway-api/backend-tls-names',
  ...Object.fromEntries(
    [
      'validation.subjectAltNames[].type',
      'rules[].filters[].type',
      'rules[].filters[].requestRedirect.path.type',
      'rules[].filters[].urlRewrite.path.type',
      'rules[].backendRefs[].filters[].requestRedirect.path.type',
      'rules[].backendRefs[].filters[].urlRewrite.path.type',
      'rules[].backendRefs[].filters[].type',
    ].map((at) => [at, 'tells which field stands beside it']),
  ),
  'rules[].sessionPersistence.cookieConfig': 'Permanent and absoluteTimeout go together only: golden/gateway-api/sessions, e2e/parity istio-sessions',
  'rules[].sessionPersistence.cookieConfig.lifetimeType':
    'Permanent and absoluteTimeout go together only: golden/gateway-api/sessions, e2e/parity istio-sessions',
  'configPatches[].applyTo': 'each value has a golden of its own in golden/envoy-filter',
  'configPatches[].patch.operation': 'each value has a golden of its own in golden/envoy-filter',
  'configPatches[].patch.filterClass': 'golden/envoy-filter/http-filter-first-and-class',
  'configPatches[].match.routeConfiguration.vhost.route.action': 'golden/envoy-filter/match-route-name',
};

function elsewhereOf(kind: KindDefinition, field: string): string | undefined {
  return ELSEWHERE[`${kind.tag} ${field}`] ?? ELSEWHERE[field];
}

/** Kinds that decide about other things than what proxies get, and where their fields are shown to count. */
const KINDS_ELSEWHERE: Readonly<Record<string, string>> = {
  WorkloadGroup: 'workloads that join as its members: control-plane/src/ca/membership.test.ts, agent/src/process/probe.test.ts',
  ProxyConfig: 'how proxies are started: control-plane/src/ca/membership.test.ts',
};

/** Some kinds have no `spec`: their fields stand beside `metadata`. */
function writtenForm({ spec, ...object }: Written): object {
  const known = kindByName(object.kind);
  const named = { ...object, kind: known?.id.kind ?? object.kind };
  return known?.body === 'root' ? { ...named, ...(spec as object) } : { ...named, spec };
}

function meshOf(head: string, list: readonly Written[]): MeshCase {
  return readMeshCase(`${head}\n---\n${list.map((object) => JSON.stringify(writtenForm(object))).join('\n---\n')}`, 'accepted-fields');
}

/** Everything that all shown proxies get from these objects. */
function resources(head: string, list: readonly Written[]): string {
  const { state, nodes } = meshOf(head, list);
  return JSON.stringify([...nodes.values()].map((node) => resourcesOf(node, state)));
}

/** What our own proxy understands of that: where it comes from is nothing that it works by. */
function understood(head: string, list: readonly Written[]): string {
  const { state, nodes } = meshOf(head, list);
  const texts = [...nodes.values()].flatMap((node) => {
    const { clusters, endpoints, listeners, routes, names } = resourcesOf({ ...node, dataPlane: 'embedded', convertsB3: false }, state);
    return [
      ...clusters.map((json) => read(json, decodeCluster)),
      ...endpoints.map((json) => read(json, decodeEndpoint)),
      ...listeners.map((json) => read(json, decodeListener)),
      ...routes.map((json) => read(json, decodeRoute)),
      JSON.stringify(names),
    ];
  });
  return texts.join('\n');
}

/** By the text of a resource: most of them are the same all the time. */
const readBefore = new Map<string, string>();

function read(json: object, decode: (json: unknown) => Decoded<unknown>): string {
  const text = JSON.stringify(json);
  const known = readBefore.get(text) ?? JSON.stringify(decode(json), plain);
  readBefore.set(text, known);
  return known;
}

function plain(key: string, value: unknown): unknown {
  if (key === 'origin') return undefined;
  if (value instanceof Map || value instanceof Set) return [...(value as Iterable<unknown>)];
  return value instanceof RegExp || typeof value === 'bigint' ? String(value) : value;
}

const isMapping = (value: Value | undefined): value is { readonly [key: string]: Value } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Numbers that belong together: one alone cannot change, as they sum to something. */
const isShares = (value: Value): value is Readonly<Record<string, number>> =>
  isMapping(value) && Object.keys(value).length > 1 && Object.values(value).every((entry) => typeof entry === 'number');

/** Paths to what holds no further fields: texts, numbers, lists of them. What is around them counts with them. */
function paths(value: Value, at: Path = []): readonly Path[] {
  if (Array.isArray(value)) return [...(value.some(isMapping) ? [] : [at]), ...value.flatMap((entry: Value, index) => paths(entry, [...at, index]))];
  if (!isMapping(value)) return [at];
  return [...(isShares(value) ? [at] : []), ...Object.entries(value).flatMap(([key, entry]) => paths(entry, [...at, key]))];
}

/** The value without what stands at the path, or with `other` there. */
function change(value: Value, path: Path, other: Value | undefined): Value {
  const [key, ...rest] = path;
  if (key === undefined) return other ?? null;
  if (Array.isArray(value))
    return value.flatMap((entry: Value, index) =>
      index !== key ? [entry] : rest.length > 0 ? [change(entry, rest, other)] : other === undefined ? [] : [other],
    );
  if (!isMapping(value)) return value;
  const { [key]: old = null, ...others } = value;
  if (rest.length > 0) return { ...others, [key]: change(old, rest, other) };
  return other === undefined ? others : { ...others, [key]: other };
}

function valueAt(value: Value, path: Path): Value | undefined {
  let found: Value | undefined = value;
  for (const part of path) found = (found as Readonly<Record<string | number, Value>> | undefined)?.[part];
  return found;
}

/** Another value in the place of this one, when a field cannot be left out. */
function others(value: Value | undefined): readonly Value[] {
  if (value !== undefined && isShares(value)) {
    const shares = Object.values(value);
    return [Object.fromEntries(Object.keys(value).map((key, index) => [key, shares.at(index - 1) ?? 0]))];
  }
  if (typeof value === 'number') return [value + 1, value - 1];
  if (typeof value === 'boolean') return [!value];
  return typeof value === 'string'
    ? [
        `${value}0`,
        `x${value}`,
        '9s',
        'STRICT',
        'SIMPLE',
        'NONE',
        'MESH_INTERNAL',
        'TCP',
        '192.0.2.99',
        'NOT_FOUND',
        'NotIn',
        'None',
        'IPAddress',
        'AllowInsecureFallback',
        'Exact',
        'Passthrough',
        'eA==',
      ]
    : [];
}

function isTaken(object: Written): boolean {
  return !decodeYaml(JSON.stringify(writtenForm(object))).problems.some((problem) => problem.severity === 'error');
}

/** `http[].match[].headers.*.exact`: entries of lists and keys of the user's own are alike. */
function patternOf(kind: KindDefinition, path: Path): string {
  let node: SchemaNode | undefined = specSchema(kind);
  let text = '';
  for (const part of path) {
    const properties = node?.['properties'] as Readonly<Record<string, SchemaNode>> | undefined;
    if (typeof part === 'number') text += '[]';
    else if (properties?.[part] === undefined) text += '.*';
    else text += `${text === '' ? '' : '.'}${part}`;
    node = (typeof part === 'number' ? node?.['items'] : (properties?.[part] ?? node?.['additionalProperties'])) as SchemaNode | undefined;
  }
  return text;
}

function specSchema(kind: KindDefinition): SchemaNode {
  return (jsonSchemaOf(kind)['properties'] as Readonly<Record<string, SchemaNode>>)['spec'] ?? {};
}

/** Patterns of all fields that the schema knows and the kind does not refuse. */
function acceptedFields(kind: KindDefinition): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (node: SchemaNode, at: string): void => {
    if (kind.unsupported[at] !== undefined) return;
    if (at !== '' && !at.endsWith(']')) found.add(at);
    for (const [key, inner] of Object.entries((node['properties'] ?? {}) as Readonly<Record<string, SchemaNode>>))
      visit(inner, `${at}${at === '' ? '' : '.'}${key}`);
    if (typeof node['items'] === 'object') visit(node['items'] as SchemaNode, `${at}[]`);
    if (typeof node['additionalProperties'] === 'object') visit(node['additionalProperties'] as SchemaNode, `${at}.*`);
  };
  visit(specSchema(kind), '');
  return found;
}

test('the examples are good', () => {
  assert.deepEqual(
    decoded.flatMap(({ problems }) => problems).filter((problem) => problem.severity === 'error'),
    [],
  );
});

/** The example itself and, of a DestinationRule, with its policy in the other places where one may stand. */
function placements({ file, head, objects }: Example, index: number): readonly Example[] {
  const object = objects[index];
  const spec = isMapping(object?.spec) ? object.spec : {};
  const policy = spec['trafficPolicy'];
  if (object?.kind !== 'DestinationRule' || !isMapping(policy) || policy['portLevelSettings'] !== undefined || spec['subsets'] !== undefined)
    return [{ file, head, objects }];
  const { loadBalancer, connectionPool, outlierDetection, tls } = policy;
  const app = (spec['host'] as string).startsWith('db') ? 'db' : 'web';
  const port = app === 'db' ? 5432 : 80;
  const portLevelSettings = [JSON.parse(JSON.stringify({ port: { number: port }, loadBalancer, connectionPool, outlierDetection, tls })) as Value];
  const subset = (trafficPolicy: Value): Value => ({
    ...spec,
    trafficPolicy: { connectionPool: { tcp: { maxConnections: 3 } } },
    subsets: [{ name: 'v1', labels: { app }, trafficPolicy }],
  });
  const place = (placed: Value, more: readonly Written[] = []): Example => ({
    file,
    head,
    objects: [...objects.with(index, { ...object, spec: placed }), ...more],
  });
  const route = [{ destination: { host: app, subset: 'v1', port: { number: port } } }];
  const toSubset: Written = {
    ...object,
    kind: 'VirtualService',
    metadata: { name: 'to-subset', namespace: 'shop' },
    spec: { hosts: [app], http: [{ route }] },
  };
  return [
    place(spec),
    place(subset(policy), [toSubset]),
    place({ ...spec, trafficPolicy: { portLevelSettings } }),
    place(subset({ portLevelSettings }), [toSubset]),
  ];
}

interface Findings {
  /** Fields that count, and the example that shows it. */
  readonly heeded: Map<string, string>;
  /** How often a field was changed in vain. */
  readonly tried: Map<string, number>;
}

/** A field that nothing heeds in so many examples is not heeded at all. */
const ENOUGH = 12;

/** Adds the fields of an object whose change, or absence, changes what some proxy gets, and what our own understands of it. */
function addHeeded(kind: KindDefinition, { file, head, objects }: Example, index: number, { heeded, tried }: Findings): void {
  const object = objects[index];
  if (object === undefined || !isTaken(object)) return;
  let before: string | undefined;
  for (const path of paths(object.spec)) {
    const pattern = patternOf(kind, path);
    const tries = tried.get(pattern) ?? 0;
    if (heeded.has(pattern) || tries > ENOUGH) continue;
    tried.set(pattern, tries + 1);
    before ??= resources(head, objects);
    const variants: readonly Written[] = [undefined, ...others(valueAt(object.spec, path))].map((other) => ({
      ...object,
      spec: change(object.spec, path, other),
    }));
    const isHeeded = (variant: Written): boolean => {
      const changed = objects.with(index, variant);
      return isTaken(variant) && resources(head, changed) !== before && understood(head, changed) !== understood(head, objects);
    };
    if (variants.some(isHeeded)) heeded.set(pattern, file).set(`${pattern}.*`, file);
  }
}

const PAGE = new URL('../../../docs/reference/fields.md', import.meta.url);
/** By kind: field → the example that shows that it counts. */
const shown = new Map<string, ReadonlyMap<string, string>>();

function page(): string {
  return [
    '# Every field, and whether it is in force',
    '',
    'Made by `packages/translate/src/accepted-fields.test.ts`: it takes each field away from an example, or changes it, and what some proxy gets must',
    'become another, and so must what our own proxy understands of it. Each example is also taken by a real Envoy. A group of fields is in force with what',
    'it holds.',
    '',
    ...KINDS.filter((kind) => kind.id.group !== '').flatMap(section),
  ].join('\n');
}

function section(kind: KindDefinition): readonly string[] {
  const rows = allFields(kind).map((field) => `| \`${field}\` | ${stateOf(kind, field).join(' | ')} |`);
  const values = Object.entries(kind.unsupported).filter(([pattern]) => pattern.includes('='));
  return [
    `## ${kind.id.kind} (${kind.id.group})`,
    '',
    '| field | embedded | Envoy | shown by |',
    '|---|---|---|---|',
    ...rows,
    ...values.map(([pattern, reason]) => `| \`${pattern}\` | refused | refused | ${reason} |`),
    '',
  ];
}

const GOLDEN_TESTS = '../../packages/translate/src/testdata';

function stateOf(kind: KindDefinition, field: string): readonly [embedded: string, envoy: string, shownBy: string] {
  const refused = Object.entries(kind.unsupported).find(
    ([pattern]) => field === pattern || field.startsWith(`${pattern}.`) || field.startsWith(`${pattern}[`),
  );
  if (refused !== undefined) return ['refused', 'refused', refused[1]];
  const elsewhere = elsewhereOf(kind, field) ?? KINDS_ELSEWHERE[kind.tag];
  if (elsewhere !== undefined) return ['in force', 'in force', linked(elsewhere)];
  const found = shown.get(kind.tag);
  const example =
    found?.get(field) ?? [...(found ?? [])].find(([known]) => known.startsWith(`${field}.`) || known.startsWith(`${field}[`))?.[1] ?? 'nothing';
  return ['in force', 'in force', `[${example.replace(/^golden\//, '').replace(/\.in\.yaml$/, '')}](${GOLDEN_TESTS}/${example})`];
}

/** Patterns of all fields that the schema knows. */
function allFields(kind: KindDefinition): readonly string[] {
  return [...acceptedFields({ ...kind, unsupported: {} })].filter((field) => !field.endsWith('.*'));
}

for (const kind of KINDS.filter((known) => known.id.group !== '' && KINDS_ELSEWHERE[known.tag] === undefined)) {
  test(`${kind.tag}: each accepted field changes what a proxy gets`, () => {
    const findings: Findings = { heeded: new Map(), tried: new Map() };
    const { heeded } = findings;
    for (const example of EXAMPLES) {
      for (const [index, object] of example.objects.entries()) {
        if (object.kind === kind.tag) for (const placed of placements(example, index)) addHeeded(kind, placed, index, findings);
      }
    }
    const counts = (field: string): boolean =>
      [...heeded.keys()].some((known) => known === field || known.startsWith(`${field}.`) || known.startsWith(`${field}[`));
    const ignored = [...acceptedFields(kind)].filter((field) => !counts(field) && elsewhereOf(kind, field) === undefined);
    shown.set(kind.tag, heeded);
    assert.deepEqual(ignored, []);
  });
}

test('the page of fields is what the examples show', () => {
  if (process.env['MELTEMI_GOLDEN'] === 'write') writeFileSync(PAGE, page());
  assert.equal(readFileSync(PAGE, 'utf8'), page());
});
