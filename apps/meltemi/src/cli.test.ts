import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { commands } from './commands/index.ts';
import { commandsOf } from './commands/of-verb.ts';
import { run } from './testing.ts';

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'meltemi-cli-'));
  process.env['MELTEMI_STATE'] = folder;
  delete process.env['MELTEMI_SERVER'];
});

after(() => rmSync(folder, { recursive: true, force: true }));

test('every command teaches: a summary, help and examples that begin with it', async () => {
  assert.equal(new Set(commands.map((command) => command.name)).size, commands.length);
  for (const command of commands) {
    const shown = await run(command.name, '--help');
    assert.deepEqual([command.name, shown.code, shown.err], [command.name, 0, '']);
    assert.ok(shown.out.includes(`Usage: meltemi ${command.name}`), shown.out);
    for (const example of command.examples ?? []) assert.match(example, new RegExp(`meltemi ${command.name}\\b`));
  }
});

/** What a newcomer types, the exit code, and what the answer must say. */
const WRONG: readonly (readonly [argv: string, code: number, says: RegExp])[] = [
  ['nonsense', 2, /unknown command 'nonsense'/],
  ['appply -f x', 2, /Did you mean apply\?/],
  ['get --wide vs', 2, /unknown option '--wide'/],
  ['get', 2, /say what to show: "meltemi get all -A"/],
  ['get vz', 2, /there is no kind "vz"; did you mean "vs"\?/],
  ['get vs/a/b', 2, /"vs\/a\/b" is not of the form KIND\/NAME/],
  ['get vs', 1, /no control plane runs on this machine[^]*meltemi demo/],
  ['get vs -o xml', 2, /Allowed choices are table, wide, json, yaml, name/],
  ['get vs --server http://127.0.0.1:2', 1, /cannot reach the control plane at http:\/\/127.0.0.1:2/],
  ['get vs --server http://:x', 2, /is not a URL of a control plane/],
  ['apply', 2, /say what to apply: meltemi apply -f FILE/],
  ['apply -f nowhere.yaml', 2, /there is no file or folder "nowhere.yaml"/],
  ['apply -f nowhere.yaml --timeout soon', 2, /--timeout soon: expected seconds from 0 to 60/],
  ['apply -f x -- y', 2, /"meltemi apply" takes nothing after "--"/],
  ['delete', 2, /say what to delete/],
  ['delete vs', 2, /say what to delete/],
  ['delete vs x -f y', 2, /either by name or with -f/],
  ['run --app x', 2, /say what to run after "--"/],
  ['run --port http -- node', 2, /"http" is not a port/],
  ['run --port 80 --labels a -- node', 2, /--labels "a" is not of the form name=value/],
  ['run --port 80 -- node', 1, /no control plane runs on this machine/],
  ['proxy', 2, /say what to run: "meltemi proxy router"/],
  ['proxy gateway', 2, /meltemi proxy router/],
  ['proxy-config', 2, /say what to show and of which proxy/],
  ['proxy-config cluster', 2, /say what to show and of which proxy/],
  ['proxy-config nothing x', 2, /"nothing" is not something a proxy holds/],
  ['proxy-tap', 2, /say which proxy: meltemi proxy-tap reviews-v2/],
  ['proxy-tap x --count many --admin http://127.0.0.1:2', 2, /--count many: expected a number from 0/],
  ['proxy-tap --admin http://127.0.0.1:2', 1, /cannot reach the proxy's admin port/],
  ['proxy-status', 1, /no control plane runs on this machine/],
  ['control-plane --cert-ttl 1s', 2, /--cert-ttl "1s": expected a duration of at least 10s/],
  ['control-plane --api-port x', 2, /--api-port x is not a port/],
  ['control-plane --network br', 2, /is not of the form BRIDGE,ADDRESS,PREFIXLENGTH/],
  ['demo --load many', 2, /--load many: expected a number/],
];

for (const [argv, code, says] of WRONG) {
  test(`meltemi ${argv}`, async () => {
    const answer = await run(...argv.split(' '));
    assert.match(answer.err, says);
    assert.deepEqual([answer.code, answer.out], [code, '']);
    assert.doesNotMatch(answer.err, /\n\s+at .*:\d+:\d+|cli\/unexpected/, 'no stack trace');
  });
}

test('version in three forms', async () => {
  assert.match((await run('version')).out, /^meltemi \d+\.\d+\.\d+ \(Node 2\d\./);
  const value = JSON.parse((await run('version', '-o', 'json')).out) as Readonly<Record<string, string>>;
  assert.deepEqual(Object.keys(value), ['meltemi', 'node', 'platform']);
  assert.match((await run('version', '-o', 'yaml')).out, /^meltemi: /);
});

test('a process that stays knows its own command alone; help and what is no verb know all', async () => {
  for (const verb of ['run', 'proxy']) assert.deepEqual(await commandsOf(verb), [commands.find(({ name }) => name === verb)]);
  for (const verb of [undefined, '--help', 'get', 'nonsense', 'constructor']) assert.equal((await commandsOf(verb)).length, commands.length);
});
