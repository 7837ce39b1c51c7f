/** Which fields of Istio's and Kubernetes' kinds the cases write. */
import { jsonSchemaOf, kindByName, type Config, type KindDefinition, type SchemaNode } from '@meltemi/api';
import type { BackendScript } from '../backend/script.ts';
import { createContext, type ProxyPlace } from './context.ts';
import type { Topic } from './topics.ts';

const DEFAULT_BACKENDS: Readonly<Record<string, BackendScript>> = { main: [] };

function specSchema(kind: KindDefinition): SchemaNode {
  return (jsonSchemaOf(kind)['properties'] as Readonly<Record<string, SchemaNode>>)['spec'] ?? {};
}

function children(node: SchemaNode): Readonly<Record<string, SchemaNode>> {
  return (node['properties'] ?? {}) as Readonly<Record<string, SchemaNode>>;
}

/** Patterns of the fields that hold no others: `http[].match[].headers.*.exact`. What the kind refuses is left out. */
export function leafFields(kind: KindDefinition): readonly string[] {
  const found: string[] = [];
  const visit = (node: SchemaNode, at: string): void => {
    if (kind.unsupported[at] !== undefined) return;
    const inner = Object.entries(children(node));
    const item = typeof node['items'] === 'object' ? (node['items'] as SchemaNode) : undefined;
    const value = typeof node['additionalProperties'] === 'object' ? (node['additionalProperties'] as SchemaNode) : undefined;
    for (const [key, child] of inner) visit(child, `${at}${at === '' ? '' : '.'}${key}`);
    if (item !== undefined) visit(item, `${at}[]`);
    if (value !== undefined) visit(value, `${at}.*`);
    if (at !== '' && inner.length === 0 && item === undefined && value === undefined) found.push(at);
  };
  visit(specSchema(kind), '');
  return found;
}

/** Patterns of the leaves that a spec writes. */
function written(value: unknown, node: SchemaNode | undefined, at: string, add: (pattern: string) => void): void {
  if (Array.isArray(value)) for (const item of value) written(item, node?.['items'] as SchemaNode | undefined, `${at}[]`, add);
  else if (typeof value === 'object' && value !== null) {
    const known = node === undefined ? {} : children(node);
    const other = typeof node?.['additionalProperties'] === 'object' ? (node['additionalProperties'] as SchemaNode) : undefined;
    if (Object.keys(value).length === 0) add(at);
    for (const [key, item] of Object.entries(value))
      if (known[key] === undefined) written(item, other, `${at}.*`, add);
      else written(item, known[key], `${at}${at === '' ? '' : '.'}${key}`, add);
  } else if (value !== undefined) add(at);
}

/** How many of the words of a field the name of a case has: of several that write it, the one that is about it shows it best. */
function aptness(pattern: string, name: string): number {
  const words = pattern.split(/[.[\]*]+/).filter((word) => word !== '');
  return words.filter((word) => name.includes(word)).length;
}

/** `Kind field` → the case, `topic/name`, that writes it: of several the one whose name says most of the field, and of those the first. */
export function fieldsOfCases(topics: readonly Topic[], place: ProxyPlace): ReadonlyMap<string, string> {
  const best = new Map<string, { readonly at: string; readonly apt: number }>();
  const note = (topic: string, name: string, { kind, spec }: Config): void => {
    const definition = kindByName(kind);
    if (definition !== undefined)
      written(spec, specSchema(definition), '', (pattern) => {
        const key = `${definition.tag} ${pattern}`;
        const apt = aptness(pattern, name);
        if (apt > (best.get(key)?.apt ?? -1)) best.set(key, { at: `${topic}/${name}`, apt });
      });
  };
  for (const { name: topic, cases } of topics)
    for (const { name, backends = DEFAULT_BACKENDS, resources } of cases) {
      const addresses = new Map(Object.keys(backends).map((backend, index) => [backend, { host: '127.0.0.1', port: 1000 + index }]));
      const context = createContext('c0', place, addresses);
      resources?.({ ...context, wrote: (objects) => objects.forEach((object) => note(topic, name, object)) });
    }
  return new Map([...best].map(([key, { at }]) => [key, at]));
}
