import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentConfig } from '../types.ts';
import { adminAddress } from './admin-address.ts';

test("the admin of a gateway on the workloads' bridge listens on loopback, on an address of its own", () => {
  const network = { bridge: 'mlt-1-br', gateway: '10.7.0.1', prefixLength: 16 };
  const join = { address: '10.7.2.3' } as AgentConfig['join'];
  assert.equal(adminAddress({ type: 'router', join: { ...join, network } }), '127.7.2.3');
  assert.equal(adminAddress({ type: 'router', join }), '10.7.2.3');
  assert.equal(adminAddress({ type: 'sidecar', join: { ...join, network } }), '10.7.2.3');
});
