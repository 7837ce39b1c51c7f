import { basename } from 'node:path';
import { MeshError } from '@meltemi/base';
import { defineCommand, text } from '../define-command.ts';
import { serverOption } from './shared.ts';
import {
  dataPlaneOf,
  dataPlaneOption,
  groupOf,
  interceptionOf,
  interceptionOption,
  parseLabels,
  parsePorts,
  readinessOf,
  readyPathOption,
} from './workload-options.ts';

export const run = defineCommand({
  name: 'run',
  summary: 'Run a command as a meshed workload',
  help: 'Starts the command behind a sidecar: it gets an identity, mutual TLS, routing, metrics and traces without a change to it.\nThe control plane must be running; without a Service that selects it, one named after --app is made.',
  arguments: [{ name: '[command...]', text: 'after "--": the command to run' }],
  passThrough: true,
  examples: [
    'meltemi run --app reviews --version v2 --port 9080 -- node server.js',
    'meltemi run --app db --port 5432:tcp --namespace shop -- postgres -D data',
  ],
  options: [
    { flags: '--app <name>', text: 'label app: what the workload is' },
    { flags: '--version <name>', text: 'label version', default: 'v1' },
    { flags: '--port <ports>', text: 'ports that the command listens on, with protocol when it is not http: 9080, 5432:tcp' },
    { flags: '-n, --namespace <name>', text: 'namespace', default: 'default' },
    { flags: '--workload <name>', text: 'name of the workload (default <app>-<version>)' },
    { flags: '--service-account <name>', text: 'identity that it runs as (default: default, or that of --group)' },
    { flags: '--group <name>', text: 'WorkloadGroup that it is a member of: labels, ports, account and probe come from there' },
    { flags: '--labels <list>', text: 'further labels, name=value,…' },
    readyPathOption,
    interceptionOption,
    dataPlaneOption,
    serverOption,
  ],
  async run({ options, args, out }) {
    const [command] = args;
    if (command === undefined)
      throw new MeshError('cli/usage', 'say what to run after "--": meltemi run --app reviews --port 9080 -- node server.js');
    const app =
      text(options, 'app') ??
      text(options, 'group') ??
      basename(command)
        .toLowerCase()
        .replace(/[^a-z0-9-]+/g, '-');
    const version = text(options, 'version') ?? 'v1';
    const { wrapWorkload } = await import('../processes/wrap-workload.ts');
    return wrapWorkload(
      {
        type: 'sidecar',
        identity: {
          namespace: text(options, 'namespace') ?? 'default',
          serviceAccount: text(options, 'serviceAccount') ?? 'default',
          workload: text(options, 'workload') ?? `${app}-${version}`,
          app,
          version,
          labels: { ...parseLabels(text(options, 'labels')), app, version },
        },
        appPorts: parsePorts(text(options, 'port')),
        interception: interceptionOf(text(options, 'interception')),
        dataPlane: dataPlaneOf(text(options, 'dataPlane')),
        ...groupOf(options),
        ...readinessOf(text(options, 'readyPath')),
        application: { command: args, cwd: process.cwd(), env: process.env },
      },
      { server: text(options, 'server'), out },
    );
  },
});
