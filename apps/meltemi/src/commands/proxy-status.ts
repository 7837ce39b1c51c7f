import { connect } from '../client/control-plane-client.ts';
import { listProxies, type ProxyStatus } from '../client/proxies.ts';
import { defineCommand, text } from '../define-command.ts';
import { age } from '../output/output.ts';
import { formatOf, outputOption, printRows, serverOption } from './shared.ts';

const TYPES = ['CDS', 'LDS', 'EDS', 'RDS'] as const;

export const proxyStatus = defineCommand({
  name: 'proxy-status',
  summary: 'Show each connected proxy and whether it has acknowledged the configuration',
  help: 'Lists every sidecar and gateway that is connected, and for each type of configuration whether it is in force there:\nSYNCED it acknowledged the last one, STALE it has not answered yet, NACK it refused (the reason follows), NOT SENT it never asked.',
  examples: ['meltemi proxy-status', 'meltemi proxy-status -o json'],
  options: [outputOption, serverOption],
  async run({ options, out }) {
    const proxies = await listProxies(connect({ server: text(options, 'server') }));
    const rows = proxies.map((proxy) => [
      `${proxy.name}.${proxy.namespace}`,
      proxy.type,
      ...TYPES.map((type) => stateOf(proxy, type)),
      proxy.dataPlane,
      proxy.address,
      age(proxy.connectedAt, Date.now()),
    ]);
    printRows(
      out,
      formatOf(options),
      { heads: ['NAME', 'TYPE', ...TYPES, 'DATA PLANE', 'ADDRESS', 'CONNECTED'], rows: rows.sort((a, b) => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1)) },
      proxies,
    );
    const refused = proxies.flatMap((proxy) =>
      proxy.types
        .filter((type) => type.state === 'NACK')
        .map((type) => `${proxy.name}.${proxy.namespace} refused ${type.type}: ${type.message ?? 'no reason given'}`),
    );
    for (const line of refused) out.note(line);
    if (proxies.length === 0) out.note('No proxy is connected. "meltemi run" wraps a command as a meshed workload; "meltemi demo" starts Bookinfo.');
    return refused.length === 0 ? 0 : 1;
  },
});

function stateOf(proxy: ProxyStatus, type: string): string {
  return proxy.types.find((entry) => entry.type === type)?.state ?? 'NOT SENT';
}
