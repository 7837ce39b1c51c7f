import { stringify } from 'yaml';
import type { Json, KindDefinition } from '@meltemi/api';
import { KINDS } from '@meltemi/api';
import { connect, type ControlPlaneClient } from '../client/control-plane-client.ts';
import { listObjects, resolveKind, resourcePath, type KubeObject } from '../client/objects.ts';
import { defineCommand, text } from '../define-command.ts';
import { age, table } from '../output/output.ts';
import { isObject, list } from '../proxy-config/config-dump.ts';
import { formatOf, outputOption, serverOption } from './shared.ts';

export const get = defineCommand({
  name: 'get',
  summary: 'Show configuration objects',
  help: 'Lists objects of a kind, or shows one. KIND may be plural, singular or short (virtualservices, vs), several with commas, or "all".',
  arguments: [
    { name: '<kind>', text: 'what to list: virtualservices, destinationrules, gateways, serviceentries, services, …, or all' },
    { name: '[name]', text: 'only the object of this name' },
  ],
  examples: ['meltemi get vs -A', 'meltemi get destinationrule reviews -n bookinfo -o yaml', 'meltemi get all -n bookinfo'],
  options: [
    { flags: '-n, --namespace <name>', text: 'namespace to look in', default: 'default' },
    { flags: '-A, --all-namespaces', text: 'look in every namespace' },
    outputOption,
    serverOption,
  ],
  async run({ options, args, out }) {
    const [kindNames = '', name] = args;
    const client = connect({ server: text(options, 'server') });
    const namespace = options['allNamespaces'] === true ? undefined : (text(options, 'namespace') ?? 'default');
    const kinds = kindNames === 'all' ? KINDS : kindNames.split(',').map(resolveKind);
    const found = (await Promise.all(kinds.map((kind) => fetchObjects(client, kind, namespace, name)))).flat();
    const format = formatOf(options);
    const objects = found.map((entry) => entry.object);
    if (format === 'json' || format === 'yaml') {
      const value = name !== undefined && objects.length === 1 ? objects[0] : { apiVersion: 'v1', kind: 'List', items: objects };
      out.line(format === 'json' ? JSON.stringify(value, null, 2) : stringify(value, { lineWidth: 0 }).trimEnd());
    } else if (format === 'name') for (const { kind, object } of found) out.line(`${kind.singular}/${nameOf(object)}`);
    else if (found.length === 0)
      out.note(namespace === undefined ? 'No objects found.' : `No objects found in namespace ${namespace}. (-A looks in all of them.)`);
    else out.line(tables(kinds, found, namespace === undefined, format === 'wide'));
    return 0;
  },
});

interface Found {
  readonly kind: KindDefinition;
  readonly object: KubeObject;
}

async function fetchObjects(
  client: ControlPlaneClient,
  kind: KindDefinition,
  namespace: string | undefined,
  name: string | undefined,
): Promise<readonly Found[]> {
  if (name === undefined) return (await listObjects(client, kind, namespace)).map((object) => ({ kind, object }));
  if (namespace === undefined)
    return (await listObjects(client, kind)).filter((object) => nameOf(object) === name).map((object) => ({ kind, object }));
  return [{ kind, object: await client.request<KubeObject>('GET', resourcePath(kind, namespace, name)) }];
}

function tables(kinds: readonly KindDefinition[], found: readonly Found[], withNamespace: boolean, wide: boolean): string {
  const parts = kinds.flatMap((kind) => {
    const objects = found.filter((entry) => entry.kind === kind).map((entry) => entry.object);
    if (objects.length === 0) return [];
    const heads = [
      ...(withNamespace && kind.scope === 'Namespaced' ? ['NAMESPACE'] : []),
      'NAME',
      ...columnsOf(kind).map((column) => column.head),
      ...(wide ? ['ORIGIN'] : []),
      'AGE',
    ];
    const rows = objects.map((object) => [
      ...(withNamespace && kind.scope === 'Namespaced' ? [metaText(object, 'namespace')] : []),
      kinds.length > 1 ? `${kind.singular}/${nameOf(object)}` : nameOf(object),
      ...columnsOf(kind).map((column) => column.value(isObject(object['spec']) ? object['spec'] : {})),
      ...(wide ? [originText(object)] : []),
      ageOf(object),
    ]);
    return [table(heads, rows)];
  });
  return parts.join('\n\n');
}

interface Column {
  readonly head: string;
  readonly value: (spec: KubeObject) => string;
}

/** The columns that Istio's own CRDs print. */
function columnsOf(kind: KindDefinition): readonly Column[] {
  switch (kind.id.kind) {
    case 'VirtualService':
      return [
        { head: 'GATEWAYS', value: (spec) => bracketed(spec['gateways']) },
        { head: 'HOSTS', value: (spec) => bracketed(spec['hosts']) },
      ];
    case 'DestinationRule':
      return [{ head: 'HOST', value: (spec) => String(spec['host'] ?? '') }];
    case 'ServiceEntry':
      return [
        { head: 'HOSTS', value: (spec) => bracketed(spec['hosts']) },
        { head: 'LOCATION', value: (spec) => String(spec['location'] ?? '') },
        { head: 'RESOLUTION', value: (spec) => String(spec['resolution'] ?? '') },
      ];
    case 'PeerAuthentication':
      return [{ head: 'MODE', value: (spec) => (isObject(spec['mtls']) ? String(spec['mtls']['mode'] ?? '') : '') }];
    case 'Service':
      return [
        {
          head: 'PORT(S)',
          value: (spec) =>
            list(spec['ports'])
              .map((port) => (isObject(port) ? `${String(port['port'])}/${String(port['name'] ?? 'TCP')}` : ''))
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

function metaText(object: KubeObject, key: string): string {
  const meta = object['metadata'];
  return isObject(meta) && typeof meta[key] === 'string' ? meta[key] : '';
}

function nameOf(object: KubeObject): string {
  return metaText(object, 'name');
}

function originText(object: KubeObject): string {
  const meta = object['metadata'];
  const annotations = isObject(meta) ? meta['annotations'] : undefined;
  return isObject(annotations) && typeof annotations['meltemi.io/origin'] === 'string' ? annotations['meltemi.io/origin'] : '-';
}

function ageOf(object: KubeObject): string {
  const created = Date.parse(metaText(object, 'creationTimestamp'));
  return Number.isNaN(created) ? '-' : age(created, Date.now());
}
