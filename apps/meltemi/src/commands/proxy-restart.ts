import { MeshError } from '@meltemi/base';
import { connect } from '../client/control-plane-client.ts';
import { findProxy, listProxies, restartProxy } from '../client/proxies.ts';
import { defineCommand, text } from '../define-command.ts';
import { serverOption } from './shared.ts';

export const proxyRestart = defineCommand({
  name: 'proxy-restart',
  summary: 'Exchange the process of a proxy for a new one, without a refused or reset connection',
  help:
    "Takes a new version of the proxy into use: the workload's agent starts a second process from what is installed now, with the same configuration and keys. Once that " +
    'serves, the old process takes no new connections, tells its clients to reconnect, and ends with its last connection, at the latest after drainDuration ' +
    '(ProxyConfig). If the new process does not come up, the old one stays. Only for the embedded data plane on Linux.',
  arguments: [{ name: '[proxy]', text: 'NAME or NAME.NAMESPACE of the workload, as "meltemi proxy-status" lists it' }],
  examples: ['meltemi proxy-restart reviews-v2', 'meltemi proxy-restart --all'],
  options: [{ flags: '--all', text: 'every connected proxy, one after another' }, serverOption],
  async run({ options, args, out }) {
    const [name] = args;
    const all = options['all'] === true;
    if ((name === undefined) === !all) throw new MeshError('cli/usage', 'say which proxy: meltemi proxy-restart reviews-v2, or --all');
    const client = connect({ server: text(options, 'server') });
    const proxies =
      name === undefined ? (await listProxies(client)).filter(({ dataPlane }) => dataPlane === 'embedded') : [await findProxy(client, name)];
    for (const proxy of proxies) out.line(`${proxy.name}.${proxy.namespace}: process ${await restartProxy(client, proxy)} serves now`);
    return 0;
  },
});
