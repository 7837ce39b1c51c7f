import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameServiceSwitch } from './resolver-files.ts';

test('names are looked up by DNS inside, whatever the host asks first; the rest of its file stays', () => {
  const file = (hosts: string): string => `passwd: files systemd\n${hosts}\nnetworks: files\n`;
  for (const hosts of [
    'hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns',
    'hosts:\tfiles myhostname resolve [!UNAVAIL=return] dns',
    '  hosts: files mdns4_minimal [NOTFOUND=return] dns',
    'hosts: files',
    'hosts:',
  ])
    assert.equal(nameServiceSwitch(file(hosts)), file('hosts: files dns'), hosts);
  for (const text of ['', 'passwd: files\n', file('hosts:  files   dns # as ever'), file('# hosts: resolve')])
    assert.equal(nameServiceSwitch(text), undefined, text);
});
