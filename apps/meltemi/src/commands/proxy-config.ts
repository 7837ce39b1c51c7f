import { MeshError } from '@meltemi/base';
import { connect } from '../client/control-plane-client.ts';
import { configDump, findProxy } from '../client/proxies.ts';
import { defineCommand, text } from '../define-command.ts';
import { text as scalar, readConfigDump, type ConfigDump, type JsonObject } from '../proxy-config/config-dump.ts';
import { clusterRows, endpointRows, listenerRows, routeRows, type Rows } from '../proxy-config/rows.ts';
import { secretRows } from '../proxy-config/secret-rows.ts';
import { formatOf, outputOption, printRows, serverOption } from './shared.ts';

interface View {
  readonly pick: (dump: ConfigDump) => readonly JsonObject[];
  readonly rows: (resources: readonly JsonObject[]) => Rows;
}

const VIEWS: Readonly<Record<string, View>> = {
  clusters: { pick: (dump) => dump.clusters, rows: clusterRows },
  listeners: { pick: (dump) => dump.listeners, rows: listenerRows },
  routes: { pick: (dump) => dump.routes, rows: routeRows },
  endpoints: { pick: (dump) => dump.endpoints, rows: endpointRows },
  secret: { pick: (dump) => dump.secrets, rows: secretRows },
};

export const proxyConfig = defineCommand({
  name: 'proxy-config',
  summary: 'Show what one proxy holds: clusters, listeners, routes, endpoints or secret',
  help: 'Asks the proxy itself, so this is what is in force there, on either data plane. ORIGIN names the object and the line of it that a resource was made from.\nPrivate keys are never shown.',
  arguments: [
    { name: '[what]', text: `one of ${Object.keys(VIEWS).join(', ')}` },
    { name: '[proxy]', text: 'NAME or NAME.NAMESPACE of the workload, as "meltemi proxy-status" lists it' },
  ],
  examples: [
    'meltemi proxy-config routes productpage-v1',
    'meltemi proxy-config clusters productpage-v1.bookinfo -o json',
    'meltemi proxy-config secret reviews-v2',
  ],
  options: [{ flags: '--name <text>', text: 'only resources whose name holds this' }, outputOption, serverOption],
  async run({ options, args, out }) {
    const [what, name] = args;
    if (what === undefined || name === undefined)
      throw new MeshError(
        'cli/usage',
        `say what to show and of which proxy: meltemi proxy-config routes productpage-v1\n  What: ${Object.keys(VIEWS).join(', ')}. Proxies: as "meltemi proxy-status" lists them.`,
      );
    const view = VIEWS[what] ?? VIEWS[`${what}s`] ?? (what === 'secrets' ? VIEWS['secret'] : undefined);
    if (view === undefined) throw new MeshError('cli/usage', `"${what}" is not something a proxy holds. One of: ${Object.keys(VIEWS).join(', ')}`);
    const client = connect({ server: text(options, 'server') });
    const dump = readConfigDump(await configDump(client, await findProxy(client, name)));
    const wanted = text(options, 'name') ?? '';
    const resources = view.pick(dump).filter((resource) => `${scalar(resource['name'])} ${scalar(resource['cluster_name'])}`.includes(wanted));
    printRows(out, formatOf(options), view.rows(resources), resources);
    return 0;
  },
});
