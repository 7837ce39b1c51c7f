import { defineCase, type ParityCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, endpoint, http1, listener, ROUTER, tcpProxy, to, type Resources } from '../resources.ts';
import { http, tcp, type Http1Request, type Step } from '../steps.ts';

/**
 * Both proxies must send a key to the same host. The hosts' addresses differ between the two, so each has a hash key of its own; the body names
 * the backend, and is compared.
 */
const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;
const BACKENDS = Object.fromEntries(NAMES.map((name) => [name, [{ body: name }]]));
const KEYS = Array.from({ length: 24 }, (_, index) => `key-${index * 7919}`);

interface Setting {
  readonly cluster: object;
  readonly weights?: readonly number[];
  /** Of endpoints, instead of hash keys. */
  readonly hostnames?: boolean;
}

function hosts(c: CaseContext, { weights, hostnames }: Setting): object {
  const items = NAMES.map((name, index) => {
    const made = endpoint(c, name, {
      ...(weights === undefined ? {} : { load_balancing_weight: weights[index] }),
      ...(hostnames === true ? {} : { metadata: { filter_metadata: { 'envoy.lb': { hash_key: `host-${name}` } } } }),
    }) as { endpoint: object };
    return hostnames === true ? { ...made, endpoint: { ...made.endpoint, hostname: `${name}.example` } } : made;
  });
  return { cluster_name: c.name('hashed'), endpoints: [{ lb_endpoints: items }] };
}

function resources(c: CaseContext, setting: Setting, policies: readonly object[], filters: readonly object[] = []): Resources {
  const hashed = cluster(c, 'hashed', { ...setting.cluster, load_assignment: hosts(c, setting) }, []);
  return http1(c, [to(c, 'hashed', undefined, { hash_policy: policies })], { http_filters: [...filters, ROUTER] }, [hashed]);
}

const BY_KEY = [{ header: { header_name: 'x-key' } }];
const byHeader = (key: string): Http1Request => ({ headers: { 'x-key': key } });
const each = (request: (key: string) => Http1Request): readonly Step[] => KEYS.map((key) => http(request(key), { status: 200 }));

function sameHost(
  name: string,
  setting: Setting,
  policies: readonly object[] = BY_KEY,
  request: (key: string) => Http1Request = byHeader,
): ParityCase {
  return defineCase({ name, backends: BACKENDS, resources: (c) => resources(c, setting, policies), steps: each(request) });
}

const RING = { cluster: { lb_policy: 'RING_HASH' } };
const ring = (config: object, more: Partial<Setting> = {}): Setting => ({
  cluster: { lb_policy: 'RING_HASH', ring_hash_lb_config: config },
  ...more,
});
const maglev = (config: object = {}, more: Partial<Setting> = {}): Setting => ({
  cluster: { lb_policy: 'MAGLEV', maglev_lb_config: config },
  ...more,
});
const typed = (type: string, config: object): Setting => ({
  cluster: {
    load_balancing_policy: { policies: [{ typed_extension_config: { name: 'p', typed_config: any(`load_balancing_policies.${type}`, config) } }] },
  },
});
const state = (value: string, more: object = {}): object => ({
  object_key: 'key',
  factory_key: 'envoy.hashable_string',
  format_string: { text_format_source: { inline_string: value } },
  ...more,
});
const BY_STATE = { filter_state: { key: 'key' } };

/** The filter's values decide, then the header. */
function byState(name: string, values: readonly object[], request: (key: string) => Http1Request = byHeader): ParityCase {
  const filter = { name: 'state', typed_config: any('filters.http.set_filter_state.v3.Config', { on_request_headers: values }) };
  return defineCase({ name, backends: BACKENDS, resources: (c) => resources(c, RING, [BY_STATE, ...BY_KEY], [filter]), steps: each(request) });
}
const cookie = (value: string): Http1Request => ({ headers: { cookie: `other=1; session=${value}; last=2` } });

export const cases = [
  sameHost('ring hash by a header', RING),
  sameHost('ring hash with murmur hash 2', ring({ hash_function: 'MURMUR_HASH_2' })),
  sameHost('a small ring', ring({ minimum_ring_size: 8, maximum_ring_size: 16 })),
  sameHost('a ring with a size of its own', ring({ minimum_ring_size: 3000 })),
  sameHost('a ring of weighted hosts', ring({ minimum_ring_size: 100 }, { weights: [1, 2, 3, 4, 10] })),
  sameHost('a ring that is too small for its weights', ring({ minimum_ring_size: 10, maximum_ring_size: 12 }, { weights: [1, 2, 3, 4, 10] })),
  sameHost('a ring by host names', {
    cluster: { type: 'STRICT_DNS', lb_policy: 'RING_HASH', common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } } },
    hostnames: true,
  }),
  sameHost('Maglev by a header', maglev()),
  sameHost('Maglev with a small table', maglev({ table_size: 17 })),
  sameHost('Maglev with weighted hosts', maglev({ table_size: 251 }, { weights: [1, 2, 3, 4, 10] })),
  sameHost('Maglev by host names', {
    cluster: { type: 'STRICT_DNS', lb_policy: 'MAGLEV', common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } } },
    hostnames: true,
  }),
  sameHost('the typed ring hash policy', typed('ring_hash.v3.RingHash', { minimum_ring_size: 128, hash_function: 'XX_HASH' })),
  sameHost('the typed Maglev policy', typed('maglev.v3.Maglev', { table_size: 1009 })),
  sameHost('bounded load lets an idle cluster alone', {
    cluster: { lb_policy: 'RING_HASH', common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor: 150 } } },
  }),
  sameHost('a cookie is hashed', RING, [{ cookie: { name: 'session' } }], cookie),
  sameHost('a cookie in quotes is hashed without them', RING, [{ cookie: { name: 'session' } }], (key) => cookie(`"${key}"`)),
  sameHost('a query parameter is hashed', maglev(), [{ query_parameter: { name: 'q' } }], (key) => ({ path: `/x?a=1&q=${key}&q=other` })),
  sameHost('the path is hashed', RING, [{ header: { header_name: ':path' } }], (key) => ({ path: `/${key}?x=${key}` })),
  sameHost('the authority is hashed', RING, [{ header: { header_name: ':authority' } }], (key) => ({ host: `${key}.example` })),
  byState('state of the stream is hashed', [state('%REQ(x-key)%')]),
  byState('state of several parts', [state('%REQ(x-key)%-%REQ(:method)%')]),
  byState('state that is a plain text is not hashed', [state('%REQ(x-key)%-', { factory_key: 'envoy.string' })]),
  byState('state that is empty is left out', [
    state('%REQ(x-none)%', {
      skip_if_empty: true,
      format_string: { text_format_source: { inline_string: '%REQ(x-none)%' }, omit_empty_values: true },
    }),
  ]),
  byState('state of what is not there is a dash', [state('%REQ(x-none)%')]),
  byState('later values replace earlier ones', [state('fixed'), state('%REQ(x-key)%')]),
  defineCase({
    name: 'what a filter has written is hashed',
    backends: BACKENDS,
    resources: (c) =>
      resources(c, RING, BY_KEY, [
        {
          name: 'mutation',
          typed_config: any('filters.http.header_mutation.v3.HeaderMutation', {
            mutations: { request_mutations: [{ append: { header: { key: 'x-key', value: '%REQ(x-other)%' } } }] },
          }),
        },
      ]),
    steps: each((key) => ({ headers: { 'x-other': key } })),
  }),
  sameHost('several lines of a header are hashed in any order', RING, BY_KEY, (key) => ({
    headers: [
      ['x-key', `z-${key}`],
      ['x-key', `a-${key}`],
    ],
  })),
  sameHost('a header is rewritten before it is hashed', RING, [
    { header: { header_name: 'x-key', regex_rewrite: { pattern: { regex: '^key-(\\d)\\d*$' }, substitution: '\\1' } } },
  ]),
  sameHost('several rules are put together', RING, [...BY_KEY, { query_parameter: { name: 'q' } }, { header: { header_name: 'x-none' } }], (key) => ({
    path: `/?q=${key.length}`,
    headers: { 'x-key': key },
  })),
  sameHost('a terminal rule ends the list', RING, [{ ...BY_KEY[0], terminal: true }, { query_parameter: { name: 'q' } }], (key) => ({
    path: `/?q=${key.length}`,
    headers: { 'x-key': key },
  })),
  sameHost('a terminal rule without a value does not', RING, [{ header: { header_name: 'x-none' }, terminal: true }, ...BY_KEY]),
  sameHost('the same rule twice is not nothing', RING, [...BY_KEY, ...BY_KEY]),
  sameHost('the source address is hashed', RING, [{ connection_properties: { source_ip: true } }], () => ({})),
  defineCase({
    name: 'another source address, another host',
    backends: BACKENDS,
    resources: (c) => resources(c, RING, [{ connection_properties: { source_ip: true } }]),
    steps: Array.from({ length: 12 }, (_, index) => http('/', { status: 200 }, { from: `127.0.0.${index + 2}` })),
  }),
  defineCase({
    name: 'connections of TCP from one address go to one host',
    backends: Object.fromEntries(NAMES.map((name) => [name, { t: 'tcp', tcp: { greeting: `${name}.` } }])),
    resources: (c) => ({
      listeners: [listener(c, [tcpProxy(c, 'hashed', { hash_policy: [{ source_ip: {} }] })])],
      clusters: [cluster(c, 'hashed', { ...RING.cluster, load_assignment: hosts(c, RING) }, [])],
    }),
    steps: Array.from({ length: 12 }, (_, index) => tcp([], { received: /^[a-e]\.$/ }, { from: `127.0.0.${(index % 6) + 2}`, until: '.' })),
  }),
];
