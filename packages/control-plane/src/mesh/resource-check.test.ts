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

test('an operator that Envoy has not is refused for it, too: the whole listener would be', () => {
  const check = createResourceCheck(loadCodec('all'));
  const logging = (log_format: object): object => ({
    ...listener(),
    access_log: [httpFilter('log', 'envoy.extensions.access_loggers.file.v3.FileAccessLog', { path: '/dev/stdout', log_format })],
  });
  const text = (inline_string: string): object => ({ text_format_source: { inline_string } });
  for (const dataPlane of ['envoy', 'embedded'] as const) {
    assert.match(check(dataPlane, TYPE_URL.listener, logging(text('%NOSUCH%'))) ?? '', /%NOSUCH%/);
    assert.match(check(dataPlane, TYPE_URL.listener, logging({ json_format: { a: ['%NOSUCH%'] } })) ?? '', /%NOSUCH%/);
    assert.equal(check(dataPlane, TYPE_URL.listener, logging(text('%PROTOCOL% 100%%'))), undefined);
  }
  // Ours has no answer, Envoy has.
  assert.equal(check('envoy', TYPE_URL.listener, logging(text('%DOWNSTREAM_TLS_GROUP%'))), undefined);
  assert.match(check('embedded', TYPE_URL.listener, logging(text('%DOWNSTREAM_TLS_GROUP%'))) ?? '', /not supported/);
});
