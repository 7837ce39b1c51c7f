import { relative, sep } from 'node:path';
import type { Json, KindDefinition } from '@meltemi/api';
import { metaOf, type KubeObject } from '../client/objects.ts';
import { field, isObject, list, text } from '../proxy-config/config-dump.ts';
import { age, table } from './output.ts';

/** One object that was asked for. */
export interface Found {
  readonly kind: KindDefinition;
  readonly object: KubeObject;
}

export interface TableOptions {
  readonly withNamespace: boolean;
  /** With the column ORIGIN: where each object came from. */
  readonly wide: boolean;
  /** Several kinds were asked for: names carry theirs. */
  readonly withKind: boolean;
  readonly nowMs: number;
}

/** A table for each kind, as kubectl prints them. */
export function objectTables(found: readonly Found[], options: TableOptions): string {
  const kinds = [...new Set(found.map((entry) => entry.kind))];
  return kinds
    .map((kind) =>
      kindTable(
        kind,
        found.filter((entry) => entry.kind === kind).map((entry) => entry.object),
        options,
      ),
    )
    .join('\n\n');
}

function kindTable(kind: KindDefinition, objects: readonly KubeObject[], options: TableOptions): string {
  const columns = columnsOf(kind);
  const withNamespace = options.withNamespace && kind.scope === 'Namespaced';
  const heads = [
    ...(withNamespace ? ['NAMESPACE'] : []),
    'NAME',
    ...columns.map((column) => column.head),
    'AGE',
    ...(options.wide ? ['ORIGIN'] : []),
  ];
  const rows = objects.map((object) => [
    ...(withNamespace ? [metaOf(object, 'namespace')] : []),
    options.withKind ? `${kind.singular}/${metaOf(object, 'name')}` : metaOf(object, 'name'),
    ...columns.map((column) => column.value(isObject(object['spec']) ? object['spec'] : {})),
    ageOf(object, options.nowMs),
    ...(options.wide ? [originOf(object)] : []),
  ]);
  return table(heads, rows);
}

interface Column {
  readonly head: string;
  readonly value: (spec: KubeObject) => string;
}

/** The columns that Istio's own CRDs print. */
function columnsOf(kind: KindDefinition): readonly Column[] {
  switch (kind.tag) {
    case 'VirtualService':
      return [
        { head: 'GATEWAYS', value: (spec) => bracketed(spec['gateways']) },
        { head: 'HOSTS', value: (spec) => bracketed(spec['hosts']) },
      ];
    case 'DestinationRule':
      return [{ head: 'HOST', value: (spec) => text(spec['host']) }];
    case 'ServiceEntry':
      return [
        { head: 'HOSTS', value: (spec) => bracketed(spec['hosts']) },
        { head: 'LOCATION', value: (spec) => text(spec['location']) },
        { head: 'RESOLUTION', value: (spec) => text(spec['resolution']) },
      ];
    case 'PeerAuthentication':
      return [{ head: 'MODE', value: (spec) => text(field(spec['mtls'], 'mode')) }];
    case 'RequestAuthentication':
      return [{ head: 'ISSUERS', value: (spec) => bracketed(list(spec['jwtRules']).map((rule) => text(field(rule, 'issuer')) || '*')) }];
    case 'Service':
      return [
        {
          head: 'PORT(S)',
          value: (spec) =>
            list(spec['ports'])
              .map((port) => `${text(field(port, 'port'))}/${text(field(port, 'name')) || 'TCP'}`)
              .join(','),
        },
      ];
    default:
      return [];
  }
}

function bracketed(value: Json | undefined): string {
  const items = list(value);
  return items.length === 0 ? '' : JSON.stringify(items);
}

/** As the control plane tells it, with a file under the current folder named from here. */
function originOf(object: KubeObject): string {
  const origin = text(field(field(object['metadata'], 'annotations'), 'meltemi.io/origin'));
  const near = relative(process.cwd(), origin);
  return origin.startsWith(sep) && !near.startsWith('..') ? near : origin || '-';
}

function ageOf(object: KubeObject, nowMs: number): string {
  const created = Date.parse(metaOf(object, 'creationTimestamp'));
  return Number.isNaN(created) ? '-' : age(created, nowMs);
}
