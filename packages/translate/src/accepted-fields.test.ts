/** No field is accepted and ignored: what validation takes changes what some proxy gets. A new field of a kind needs an example here. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeYaml, jsonSchemaOf, KINDS, type KindDefinition, type SchemaNode } from '@meltemi/api';
import { readMeshCase, resourcesOf } from './testdata/mesh-case.ts';

type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };
type Path = readonly (string | number)[];

const EXAMPLES = readFileSync(new URL('./testdata/accepted-fields.yaml', import.meta.url), 'utf8');
const [head = '', ...documents] = EXAMPLES.split(/^---$/m);
const decoded = decodeYaml(documents.join('---\n'));
const objects = decoded.configs;

/** Fields that decide about other things than what proxies get, and where that is. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'servers[].name': 'a name for people; must be unique',
  'servers[].port.name': 'a name for people; must be unique',
  'servers[].port.protocol': 'HTTP is the one protocol that is taken',
  ...Object.fromEntries(
    ['trafficPolicy', 'trafficPolicy.portLevelSettings[]', 'subsets[].trafficPolicy', 'subsets[].trafficPolicy.portLevelSettings[]'].map((at) => [
      `${at}.connectionPool.http.h2UpgradePolicy`,
      'what is taken means HTTP/1.1, which is what is spoken',
    ]),
  ),
};

/** Everything that all shown proxies get from these objects. */
function resources(list: readonly unknown[]): string {
  const { state, nodes } = readMeshCase(`${head}\n---\n${list.map((object) => JSON.stringify(object)).join('\n---\n')}`, 'accepted-fields');
  return JSON.stringify([...nodes.values()].map((node) => resourcesOf(node, state)));
}

const isMapping = (value: Value | undefined): value is { readonly [key: string]: Value } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Paths to what holds no further fields: texts, numbers, lists of them. What is around them counts with them. */
function paths(value: Value, at: Path = []): readonly Path[] {
  if (Array.isArray(value)) return [...(value.some(isMapping) ? [] : [at]), ...value.flatMap((entry: Value, index) => paths(entry, [...at, index]))];
  return isMapping(value) ? Object.entries(value).flatMap(([key, entry]) => paths(entry, [...at, key])) : [at];
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
  if (typeof value === 'number') return [value + 1, value - 1];
  if (typeof value === 'boolean') return [!value];
  return typeof value === 'string' ? [`${value}0`, `x${value}`, '9s', 'STRICT', 'NONE', 'MESH_INTERNAL', 'TCP', '192.0.2.99', 'NOT_FOUND'] : [];
}

function isTaken(object: unknown): boolean {
  return !decodeYaml(JSON.stringify(object)).problems.some((problem) => problem.severity === 'error');
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
    decoded.problems.filter((problem) => problem.severity === 'error'),
    [],
  );
});

for (const kind of KINDS.filter((known) => known.id.group !== '')) {
  test(`${kind.id.kind}: each accepted field changes what a proxy gets`, () => {
    const raw = objects.map((config) => ({
      apiVersion: config.apiVersion,
      kind: config.kind,
      metadata: { name: config.meta.name, namespace: config.meta.namespace, creationTimestamp: config.meta.creationTimestamp },
      spec: config.spec as Value,
    }));
    const before = resources(raw);
    const heeded = new Set<string>();
    for (const [index, object] of raw.entries()) {
      if (object.kind !== kind.id.kind) continue;
      for (const path of paths(object.spec)) {
        const pattern = patternOf(kind, path);
        if (heeded.has(pattern)) continue;
        const variants = [undefined, ...others(valueAt(object.spec, path))].map((other) => ({ ...object, spec: change(object.spec, path, other) }));
        if (variants.some((variant) => isTaken(variant) && resources(raw.with(index, variant)) !== before)) heeded.add(pattern);
      }
    }
    const counts = (field: string): boolean =>
      [...heeded].some((known) => known === field || known.startsWith(`${field}.`) || known.startsWith(`${field}[`));
    const ignored = [...acceptedFields(kind)].filter((field) => !counts(field) && ELSEWHERE[field] === undefined);
    assert.deepEqual(ignored, []);
  });
}
