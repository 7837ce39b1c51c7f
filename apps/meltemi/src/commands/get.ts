import { type KindDefinition, KINDS } from '@meltemi/api';
import { MeshError } from '@meltemi/base';
import { connect, type ControlPlaneClient } from '../client/control-plane-client.ts';
import { listObjects, metaOf, notFound, resourcePath, type KubeObject } from '../client/objects.ts';
import { parseTargets, type Target } from '../client/targets.ts';
import { defineCommand, text } from '../define-command.ts';
import { objectTables, type Found } from '../output/object-tables.ts';
import { structured, type Format, type Output } from '../output/output.ts';
import { formatOf, outputOption, serverOption } from './shared.ts';

export const get = defineCommand({
  name: 'get',
  summary: 'Show configuration objects',
  help: 'Lists objects of a kind, or shows some by name. A kind may be plural, singular or short (virtualservices, vs); several with commas, or "all".\nORIGIN (-o wide) says where an object came from: FILE:LINE of a watched folder, or "apply" with the file that was applied.',
  arguments: [{ name: '[target...]', text: 'KIND, KIND NAME... or KIND/NAME...' }],
  examples: [
    'meltemi get vs -A',
    'meltemi get vs,dr -n bookinfo -o wide',
    'meltemi get destinationrule reviews -n bookinfo -o yaml',
    'meltemi get all -n bookinfo',
  ],
  options: [
    { flags: '-n, --namespace <name>', text: 'namespace to look in', default: 'default' },
    { flags: '-A, --all-namespaces', text: 'look in every namespace' },
    outputOption,
    serverOption,
  ],
  async run({ options, args, out }) {
    const targets = parseTargets(args);
    if (targets.length === 0)
      throw new MeshError(
        'cli/usage',
        `say what to show: "meltemi get all -A", or a kind such as "meltemi get vs -n bookinfo"\n  Known: ${KINDS.map((kind) => kind.plural).join(', ')}`,
      );
    const client = connect({ server: text(options, 'server') });
    const namespace = options['allNamespaces'] === true ? undefined : (text(options, 'namespace') ?? 'default');
    const { found, missing } = await findAll(client, targets, namespace);
    print({ targets, found, namespace, nothing: missing.length === 0 }, formatOf(options), out);
    for (const message of missing) out.error(message);
    return missing.length > 0 ? 1 : 0;
  },
});

interface Answer {
  readonly targets: readonly Target[];
  readonly found: readonly Found[];
  readonly namespace: string | undefined;
  /** An empty answer is no error. */
  readonly nothing: boolean;
}

function print({ targets, found, namespace, nothing }: Answer, format: Format, out: Output): void {
  switch (format) {
    case 'json':
    case 'yaml':
      out.line(structured(isOne(targets, found) ? found[0]?.object : listOf(found), format));
      return;
    case 'name':
      for (const { kind, object } of found) out.line(`${kind.singular}/${metaOf(object, 'name')}`);
      return;
    case 'table':
    case 'wide': {
      const withKind = targets.length > 1 || targets.some((target) => target.kinds.length > 1);
      if (found.length > 0)
        out.line(objectTables(found, { withNamespace: namespace === undefined, wide: format === 'wide', withKind, nowMs: Date.now() }));
      else if (nothing) out.note(nothingIn(namespace));
    }
  }
}

/** What was asked for by one name is the object itself, not a List of one. */
function isOne(targets: readonly Target[], found: readonly Found[]): boolean {
  return found.length === 1 && targets.length === 1 && targets[0]?.names.length === 1;
}

function listOf(found: readonly Found[]): unknown {
  return { apiVersion: 'v1', kind: 'List', items: found.map((entry) => entry.object) };
}

function nothingIn(namespace: string | undefined): string {
  return namespace === undefined ? 'No objects found.' : `No objects found in namespace ${namespace}. (-A looks in all of them.)`;
}

async function findAll(
  client: ControlPlaneClient,
  targets: readonly Target[],
  namespace: string | undefined,
): Promise<{ readonly found: readonly Found[]; readonly missing: readonly string[] }> {
  const missing: string[] = [];
  const wanted = targets.flatMap(({ kinds, names }) => kinds.map((kind) => ({ kind, names })));
  const lists = await Promise.all(
    wanted.map(async ({ kind, names }) => {
      if (names.length === 0) return (await listObjects(client, kind, namespace)).map((object) => ({ kind, object }));
      return (await Promise.all(names.map((name) => findNamed(client, kind, namespace, name, missing)))).flat();
    }),
  );
  return { found: lists.flat(), missing };
}

async function findNamed(
  ...[client, kind, namespace, name, missing]: [ControlPlaneClient, KindDefinition, string | undefined, string, string[]]
): Promise<readonly Found[]> {
  if (namespace === undefined) {
    const namesakes = (await listObjects(client, kind)).filter((object) => metaOf(object, 'name') === name);
    if (namesakes.length === 0) missing.push(`no ${kind.singular} in any namespace is called "${name}"`);
    return namesakes.map((object) => ({ kind, object }));
  }
  try {
    return [{ kind, object: await client.request<KubeObject>('GET', resourcePath(kind, namespace, name)) }];
  } catch (error) {
    if (!(error instanceof MeshError) || error.code !== 'cli/http-404') throw error;
    missing.push(await notFound(client, kind, namespace, name));
    return [];
  }
}
