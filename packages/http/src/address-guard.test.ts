import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAddressGuard, METADATA_ADDRESSES } from './index.ts';

test('addresses where clouds keep secrets are refused in every way to write them', () => {
  const allows = createAddressGuard(METADATA_ADDRESSES);
  for (const address of [
    '169.254.169.254',
    '169.254.170.2',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    'fe80::1',
    'fe80::1%eth0',
    'fd00:ec2::254',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
    '100.100.100.200',
    'nonsense',
    '',
  ])
    assert.equal(allows(address), false, address);
  for (const address of ['127.0.0.1', '::1', '10.0.0.1', '93.184.216.34', '2606:4700::1']) assert.equal(allows(address), true, address);
});

test('ranges of the user; what is none is told', () => {
  const allows = createAddressGuard(['10.0.0.0/8', ' 192.168.1.7', 'fd00::/8']);
  assert.deepEqual(['10.1.2.3', '192.168.1.7', 'fd12::1', '::ffff:10.1.2.3'].map(allows), [false, false, false, false]);
  assert.deepEqual(['11.1.2.3', '192.168.1.8', 'fe12::1'].map(allows), [true, true, true]);
  for (const range of ['10.0.0.0/33', 'x/8', '10.0.0.0/', 'fd00::/129', '', '10.0.0.0/a'])
    assert.throws(() => createAddressGuard([range]), /no range of IP/);
});
