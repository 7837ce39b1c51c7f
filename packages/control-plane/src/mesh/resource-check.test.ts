import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadCodec } from '@meltemi/protos';
import { TYPE_URL } from '@meltemi/protos-types';
import { createResourceCheck } from './resource-check.ts';

const httpFilter = (name: string, type: string, more: object = {}): object => ({
  name,
  typed_config: { '@type': `type.googleapis.com/${type}`, ...more },
});

const listener = (...filters: readonly object[]): object => ({
  name: 'l',
  address: { socket_address: { address: '127.0.0.1', port_value: 80 } },
  filter_chains: [
    {
      filters: [
        httpFilter('hcm', 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
          stat_prefix: 'x',
          rds: { route_config_name: '80', config_source: { ads: {}, resource_api_version: 'V3' } },
          http_filters: [...filters, httpFilter('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router')],
        }),
      ],
    },
  ],
});

test('what is not there is told for the data plane that has it not', () => {
  const check = createResourceCheck(loadCodec('all'));
  assert.equal(check('embedded', TYPE_URL.listener, listener()), undefined);
  const lua = listener(
    httpFilter('lua', 'envoy.extensions.filters.http.lua.v3.Lua', { default_source_code: { inline_string: 'function envoy_on_request(h) end' } }),
  );
  assert.match(check('embedded', TYPE_URL.listener, lua) ?? '', /^embedded proxy: .*http_filters\[0\].*lua\.v3\.Lua is not supported/);
  assert.equal(check('envoy', TYPE_URL.listener, lua), undefined);
});

test('a message that is none is refused for both', () => {
  const check = createResourceCheck(loadCodec('all'));
  const cluster = { name: 'c', connect_timeout: 'soon' };
  assert.match(check('envoy', TYPE_URL.cluster, cluster) ?? '', /connect_timeout/);
  assert.match(check('embedded', TYPE_URL.cluster, cluster) ?? '', /connect_timeout/);
  assert.match(check('envoy', TYPE_URL.cluster, { name: 'c', no_such_field: 1 }) ?? '', /no_such_field/);
});
