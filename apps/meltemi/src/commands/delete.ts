import { formatProblem, MeshError } from '@meltemi/base';
import { connect, type ControlPlaneClient } from '../client/control-plane-client.ts';
import { displayName, notFound, resourcePath } from '../client/objects.ts';
import { parseTargets } from '../client/targets.ts';
import { decodeInputs, readInputs } from '../client/inputs.ts';
import { defineCommand, text, texts } from '../define-command.ts';
import type { Output } from '../output/output.ts';
import { kindByName, type KindDefinition } from '@meltemi/api';
import { serverOption } from './shared.ts';

export const deleteCommand = defineCommand({
  name: 'delete',
  summary: 'Delete configuration objects',
  help: 'Deletes objects by kind and name, or every object that a file names.',
  arguments: [{ name: '[target...]', text: 'KIND NAME..., or KIND/NAME...' }],
  examples: [
    'meltemi delete virtualservice reviews -n bookinfo',
    'meltemi delete vs/reviews dr/reviews -n bookinfo',
    'meltemi delete -f routing.yaml',
  ],
  options: [
    { flags: '-f, --filename <path...>', text: 'delete the objects of these files or folders; - reads standard input' },
    { flags: '-n, --namespace <name>', text: 'namespace of objects that name none', default: 'default' },
    { flags: '--ignore-not-found', text: 'an object that is not there is no error' },
    serverOption,
  ],
  async run({ options, args, out }) {
    const namespace = text(options, 'namespace') ?? 'default';
    const files = texts(options, 'filename');
    if (files.length > 0 && args.length > 0) throw new MeshError('cli/usage', 'say what to delete either by name or with -f, not both');
    const objects = files.length === 0 ? namedObjects(args, namespace) : await fileObjects(files, namespace, out);
    const client = connect({ server: text(options, 'server') });
    let failed = 0;
    for (const object of objects) failed += (await remove(client, object, options['ignoreNotFound'] === true, out)) ? 0 : 1;
    return failed > 0 ? 1 : 0;
  },
});

interface NamedObject {
  readonly kind: KindDefinition;
  readonly namespace: string;
  readonly name: string;
}

function namedObjects(args: readonly string[], namespace: string): readonly NamedObject[] {
  const targets = parseTargets(args);
  if (targets.length === 0 || targets.some((target) => target.names.length === 0 || target.kinds.length > 1))
    throw new MeshError('cli/usage', 'say what to delete: "meltemi delete KIND NAME", "meltemi delete KIND/NAME" or "meltemi delete -f FILE"');
  return targets.flatMap(({ kinds, names }) => kinds.flatMap((kind) => names.map((name) => ({ kind, namespace, name }))));
}

/** Objects of files, in the opposite order of their applying. An object with a fault is not known well enough to be deleted. */
async function fileObjects(paths: readonly string[], namespace: string, out: Output): Promise<readonly NamedObject[]> {
  const decoded = decodeInputs(await readInputs(paths), namespace);
  for (const problem of decoded.problems) out.note(formatProblem(problem));
  return decoded.configs.toReversed().flatMap((config) => {
    const kind = kindByName(config.kind);
    return kind === undefined ? [] : [{ kind, namespace: config.meta.namespace, name: config.meta.name }];
  });
}

async function remove(client: ControlPlaneClient, object: NamedObject, ignoreNotFound: boolean, out: Output): Promise<boolean> {
  const { kind, namespace, name } = object;
  try {
    await client.request('DELETE', resourcePath(kind, namespace, name));
    out.line(`${displayName(kind, name)} deleted`);
    return true;
  } catch (error) {
    // A refusal is about this object; that nobody is there or lets us in is about all of them.
    if (!(error instanceof MeshError) || !error.code.startsWith('cli/http-')) throw error;
    if (error.code !== 'cli/http-404') out.error(`${displayName(kind, name)} was not deleted: ${error.message}`);
    else if (ignoreNotFound) return true;
    else out.error(await notFound(client, kind, namespace, name));
    return false;
  }
}
