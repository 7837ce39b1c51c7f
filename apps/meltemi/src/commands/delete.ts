import { MeshError } from '@meltemi/base';
import { connect, type ControlPlaneClient } from '../client/control-plane-client.ts';
import { displayName, resolveKind, resourcePath } from '../client/objects.ts';
import { decodeInputs, readInputs } from '../client/inputs.ts';
import { defineCommand, text } from '../define-command.ts';
import type { Output } from '../output/output.ts';
import { kindOf, type KindDefinition } from '@meltemi/api';
import { serverOption } from './shared.ts';

export const deleteCommand = defineCommand({
  name: 'delete',
  summary: 'Delete configuration objects',
  help: 'Deletes one object by kind and name, or every object that a file names.',
  arguments: [
    { name: '[kind]', text: 'kind of the object' },
    { name: '[name]', text: 'name of the object' },
  ],
  examples: ['meltemi delete virtualservice reviews -n bookinfo', 'meltemi delete -f routing.yaml'],
  options: [
    { flags: '-f, --filename <path>', text: 'delete the objects of this file or folder; - reads standard input' },
    { flags: '-n, --namespace <name>', text: 'namespace of objects that name none', default: 'default' },
    { flags: '--ignore-not-found', text: 'an object that is not there is no error' },
    serverOption,
  ],
  async run({ options, args, out }) {
    const client = connect({ server: text(options, 'server') });
    const namespace = text(options, 'namespace') ?? 'default';
    const file = text(options, 'filename');
    const targets = file === undefined ? [namedTarget(args, namespace)] : await fileTargets(file, namespace);
    let missing = 0;
    for (const target of targets) missing += (await remove(client, target, out)) ? 0 : 1;
    return missing > 0 && options['ignoreNotFound'] !== true ? 1 : 0;
  },
});

interface Target {
  readonly kind: KindDefinition;
  readonly namespace: string;
  readonly name: string;
}

function namedTarget(args: readonly string[], namespace: string): Target {
  const [kind, name] = args;
  if (kind === undefined || name === undefined)
    throw new MeshError('cli/usage', 'say what to delete: "meltemi delete KIND NAME" or "meltemi delete -f FILE"');
  return { kind: resolveKind(kind), namespace, name };
}

async function fileTargets(path: string, namespace: string): Promise<readonly Target[]> {
  const decoded = decodeInputs(await readInputs([path]), namespace);
  return decoded.configs.flatMap((config) => {
    const kind = kindOf(config.apiVersion, config.kind);
    return kind === undefined ? [] : [{ kind, namespace: config.meta.namespace, name: config.meta.name }];
  });
}

async function remove(client: ControlPlaneClient, target: Target, out: Output): Promise<boolean> {
  try {
    await client.request('DELETE', resourcePath(target.kind, target.namespace, target.name));
    out.line(`${displayName(target.kind, target.name)} deleted`);
    return true;
  } catch (error) {
    if (!(error instanceof MeshError) || error.code !== 'cli/http-404') throw error;
    out.error(`${displayName(target.kind, target.name)} is not there in namespace ${target.namespace}`);
    return false;
  }
}
