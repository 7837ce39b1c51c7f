import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMeshConfig } from '@meltemi/api';
import { DEFAULT_MESH_CONFIG, meshConfigFrom, type MeshConfig } from '@meltemi/model';
import { accessLogs } from './access-log.ts';

const formatOf = (text: string, base: MeshConfig = DEFAULT_MESH_CONFIG): unknown => {
  const { settings, findings } = decodeMeshConfig(text);
  assert.deepEqual(findings, []);
  const mesh = meshConfigFrom({ ...base, accessLogFile: '/dev/stdout' }, settings ?? {});
  const [log] = accessLogs(mesh, { kind: 'http', direction: 'inbound', dataPlane: 'embedded' });
  return (log?.typed_config as { log_format?: unknown } | undefined)?.log_format;
};

test('each entry is a line, whether its format ends one or not', () => {
  for (const written of ['%PROTOCOL%', '%PROTOCOL%\\n'])
    assert.deepEqual(formatOf(`accessLogFormat: "${written}"`), { text_format_source: { inline_string: '%PROTOCOL%\n' } });
});

test('a format without an encoding is text, also where the mesh logs in JSON', () => {
  const base: MeshConfig = { ...DEFAULT_MESH_CONFIG, accessLogEncoding: 'JSON' };
  assert.deepEqual(formatOf('accessLogFormat: "%PROTOCOL%"', base), { text_format_source: { inline_string: '%PROTOCOL%\n' } });
  assert.deepEqual(formatOf(`accessLogFormat: '{"a": "%PROTOCOL%"}'\naccessLogEncoding: JSON`), { json_format: { a: '%PROTOCOL%' } });
});

test('a format of one encoding is none of another that wins over it', () => {
  const text: MeshConfig = { ...DEFAULT_MESH_CONFIG, accessLogFormat: '%PROTOCOL%' };
  assert.deepEqual(formatOf('accessLogEncoding: JSON', text), formatOf('accessLogEncoding: JSON'));
  const json: MeshConfig = { ...DEFAULT_MESH_CONFIG, accessLogEncoding: 'JSON', accessLogFormat: '{"a": "%PROTOCOL%"}' };
  assert.deepEqual(formatOf('accessLogEncoding: TEXT', json), formatOf(''));
  assert.deepEqual(formatOf('accessLogEncoding: JSON', json), { json_format: { a: '%PROTOCOL%' } });
});
