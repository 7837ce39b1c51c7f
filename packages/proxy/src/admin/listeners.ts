import { address } from './clusters.ts';
import { json, text, type AdminEndpoint } from './context.ts';

/** Envoy's `/listeners`, as text or (`?format=json`) JSON. Listeners that only take connections over from another have no socket and are left out. */
export const listenersEndpoint: AdminEndpoint = {
  path: '/listeners',
  help: 'print listener info',
  params: { format: 'text or json' },
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
      };
    });
    return json(statuses.length === 0 ? {} : { listener_statuses: statuses });
  },
};
