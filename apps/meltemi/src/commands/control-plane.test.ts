import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPlaintextXds } from './control-plane.ts';

test('plaintext xDS is off unless asked for, and on loopback unless an address is named', () => {
  assert.equal(readPlaintextXds(undefined), undefined);
  assert.deepEqual(readPlaintextXds(true), { host: '127.0.0.1', port: 15010 });
  assert.deepEqual(readPlaintextXds('0'), { host: '127.0.0.1', port: 0 });
  assert.deepEqual(readPlaintextXds('0.0.0.0:15010'), { host: '0.0.0.0', port: 15010 });
  assert.deepEqual(readPlaintextXds('[::1]:15011'), { host: '::1', port: 15011 });
  assert.throws(() => readPlaintextXds('everywhere'), { code: 'cli/usage' });
});
