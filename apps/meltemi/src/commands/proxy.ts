import { MeshError } from '@meltemi/base';
import { defineCommand, text } from '../define-command.ts';
import { serverOption } from './shared.ts';
import {
  dataPlaneOf,
  dataPlaneOption,
  interceptionOf,
  interceptionOption,
  parseLabels,
  parsePorts,
  readinessOf,
  readyPathOption,
} from './workload-options.ts';

export const proxy = defineCommand({
  name: 'proxy',
  summary: 'Run a gateway, or a sidecar for an application that something else starts',
  help: 'TYPE router is a gateway: it serves the Gateway objects whose selector fits its labels. TYPE sidecar stands before an application on this machine.',
  arguments: [{ name: '[type]', text: 'router or sidecar' }],
  examples: ['meltemi proxy router --labels istio=ingressgateway -n istio-system', 'meltemi proxy sidecar --app legacy --port 8080'],
  options: [
    { flags: '--app <name>', text: 'label app' },
    { flags: '--version <name>', text: 'label version', default: 'v1' },
    { flags: '--port <ports>', text: 'ports of the application (sidecar)' },
    { flags: '-n, --namespace <name>', text: 'namespace', default: 'istio-system' },
    { flags: '--workload <name>', text: 'name of the workload (default: app and version)' },
    { flags: '--service-account <name>', text: 'identity that it runs as' },
    { flags: '--labels <list>', text: 'further labels, name=value,…' },
    readyPathOption,
    interceptionOption,
    dataPlaneOption,
    serverOption,
  ],
  async run({ options, args, out }) {
    const [type] = args;
    if (type !== 'sidecar' && type !== 'router')
      throw new MeshError(
        'cli/usage',
        'say what to run: "meltemi proxy router" for a gateway, "meltemi proxy sidecar --app NAME --port PORT" for an application',
      );
    const app = text(options, 'app') ?? (type === 'router' ? 'istio-ingressgateway' : 'app');
    const version = text(options, 'version') ?? 'v1';
    const { wrapWorkload } = await import('../processes/wrap-workload.ts');
    return wrapWorkload(
      {
        type,
        identity: {
          namespace: text(options, 'namespace') ?? 'istio-system',
          serviceAccount: text(options, 'serviceAccount') ?? (type === 'router' ? 'istio-ingressgateway' : 'default'),
          workload: text(options, 'workload') ?? (type === 'router' ? app : `${app}-${version}`),
          app,
          version,
          labels: { ...(type === 'router' ? { istio: 'ingressgateway' } : {}), ...parseLabels(text(options, 'labels')), app, version },
        },
        appPorts: parsePorts(text(options, 'port')),
        interception: interceptionOf(text(options, 'interception')),
        dataPlane: dataPlaneOf(text(options, 'dataPlane')),
        ...readinessOf(text(options, 'readyPath')),
      },
      { server: text(options, 'server'), out },
    );
  },
});
