import { address } from './clusters.ts';
import { json, text, type AdminEndpoint } from './context.ts';

/** Envoy's `/listeners`, as text or (`?format=json`) JSON. Listeners that only take connections over from another have no socket and are left out. */
export const listenersEndpoint: AdminEndpoint = {
  path: '/listeners',
  help: 'addresses that are listened on (?format=json)',
  write: false,
  async handle(context, { query }) {
    const { listeners } = await context.snapshot();
    if (query.get('format') !== 'json') return text(listeners.flatMap((item) => item.addresses.map((bound) => `${item.name}::${bound}\n`)).join(''));
    const statuses = listeners.map((item) => {
      const [first = '', ...more] = item.addresses;
      return {
        name: item.name,
        local_address: address(first),
        ...(more.length === 0 ? {} : { additional_local_addresses: more.map(address) }),
        connections: item.connections,
        ...(item.error === '' ? {} : { error: item.error }),
      };
    });
    return json({ listener_statuses: statuses });
  },
};
