/** What is wrong with configuration is told with file, line, reason and fix: by `apply`, by the watcher and to the console; all else stays in force. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Problem } from '@meltemi/base';
import { startControlPlaneProcess, type ControlPlaneProcess } from '../testkit/control-plane.ts';
import { eventually, get } from '../testkit/load.ts';

const virtualService = (name: string, http: string, host = 'cart'): string =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: ${name}\n  namespace: shop\nspec:\n  hosts: [${host}]\n  http:\n${http}`;
const route = (host = 'cart'): string => `    - route:\n        - destination: { host: ${host} }\n`;

const GOOD = `apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec:
  selector: { app: cart }
  ports: [{ name: http, port: 8080 }]
`;

interface BadInput {
  readonly name: string;
  readonly text: string;
  /** First place of the fault, `line:column`. */
  readonly at: string;
  readonly reason: RegExp;
  readonly fix: RegExp;
}

/** The inputs of the issue, one file each. */
const BAD: readonly BadInput[] = [
  {
    name: 'syntax',
    text: virtualService('syntax', '    - route:\n        - destination: { host: cart }\n').replace('[cart]', '[cart'),
    at: '7:10',
    reason: /"\[" is opened and not closed/,
    fix: /Write "\]" after the last entry/,
  },
  {
    name: 'unknown-field',
    text: virtualService('unknown-field', `    - timeOut: 3s\n${route().replace('    - ', '      ')}`),
    at: '9:7',
    reason: /http\[0\] has no field "timeOut"/,
    fix: /Did you mean "timeout"\?/,
  },
  {
    name: 'wrong-type',
    text: virtualService('wrong-type', `    - timeout: soon\n${route().replace('    - ', '      ')}`),
    at: '9:16',
    reason: /"soon" is not a duration/,
    fix: /Write a number with a unit, for example 5s/,
  },
  {
    name: 'no-such-host',
    text: virtualService('no-such-host', route('kart'), 'kart'),
    at: '10:32',
    reason: /referenced host not found: "kart"/,
    fix: /Did you mean "cart"\?/,
  },
  {
    name: 'twice',
    text: `${virtualService('twice', route(), 'one')}---\n${virtualService('twice', route(), 'two')}`,
    at: '12:1',
    reason: /VirtualService shop\/twice is here and at \S+:1:1; the first one is taken/,
    fix: /Remove one of the two, or give it another name/,
  },
];

const MISPLACED = virtualService(
  'slide',
  `    - route:\n        - destination:\n            host: cart\n            weight: 90   # as on the slide\n        - destination:\n            host: cart\n            weight: 10\n`,
);

let plane: ControlPlaneProcess;
let inputs: string;

before(async () => {
  plane = await startControlPlaneProcess();
  inputs = join(plane.stateDir, 'inputs');
  mkdirSync(inputs);
  place('good.yaml', GOOD);
  await eventually('the good file is read', 5_000, async () =>
    (await plane.cli(['get', 'svc', 'cart', '-n', 'shop'])).code === 0 ? true : undefined,
  );
});

after(() => plane[Symbol.asyncDispose]());

/** Puts a file into the watched folder, as an editor does: beside, then renamed over. */
function place(name: string, text: string): string {
  const path = join(plane.configDir, name);
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
  return path;
}

function input(name: string, text: string): string {
  const path = join(inputs, `${name}.yaml`);
  writeFileSync(path, text);
  return path;
}

async function problemsAtConsole(): Promise<readonly Problem[]> {
  return (JSON.parse((await get(`${plane.console}/meltemi/v1/problems`)).body) as { readonly problems: readonly Problem[] }).problems;
}

/** What the list of configuration shows of an object: its timeout, or undefined when it is not in force. */
async function inForce(name: string): Promise<string | undefined> {
  const answer = await plane.cli(['get', 'vs', name, '-n', 'shop', '-o', 'json']);
  if (answer.code !== 0) return undefined;
  const object = JSON.parse(answer.stdout) as { readonly spec: { readonly http: readonly { readonly timeout?: string }[] } };
  return object.spec.http[0]?.timeout ?? 'none';
}

test('apply reports each with file, line, reason and fix, and applies what is good beside it', async () => {
  for (const bad of BAD) input(bad.name, bad.text);
  input('fine', virtualService('fine', route(), 'fine.example'));
  const answer = await plane.cli(['apply', '-f', inputs]);
  assert.equal(answer.code, 1);
  for (const { name, at, reason, fix } of BAD) {
    const told = answer.stderr.split(/^(?=error|warning)/m).find((part) => part.includes(`${join(inputs, `${name}.yaml`)}:${at}`));
    assert.ok(told !== undefined, `${name} at ${at}:\n${answer.stderr}`);
    assert.match(told, reason);
    assert.match(told, new RegExp(`Fix: ${fix.source}`));
  }
  assert.doesNotMatch(answer.stderr, /^\s+at .*\.ts:\d+/m, 'no stack trace');
  // What the mesh does not know is reported and kept: the service may come. A faulty object is not.
  assert.deepEqual(answer.stdout.match(/\/\S+ \w+/g)?.sort(), ['/fine created', '/no-such-host created', '/twice created']);
  assert.deepEqual([await inForce('unknown-field'), await inForce('wrong-type'), await inForce('fine')], [undefined, undefined, 'none']);
  const removed = await plane.cli(['delete', 'vs', 'fine', 'no-such-host', 'twice', '-n', 'shop']);
  assert.deepEqual([removed.code, removed.stdout.split('\n').length], [0, 4]);
});

test('the watcher and the console report each with file, line, reason and fix; what is good beside it is in force', async () => {
  const paths = new Map(BAD.map(({ name, text }) => [name, place(`${name}.yaml`, text)]));
  place('fine.yaml', virtualService('fine', route(), 'fine.example'));
  const found = await eventually('all are at the console', 5_000, async () => {
    const problems = await problemsAtConsole();
    const all = BAD.map(({ name, at }) =>
      problems.find(({ origin }) => origin?.file === paths.get(name) && `${origin?.line}:${origin?.column}` === at),
    );
    return all.every((problem) => problem !== undefined) ? all : undefined;
  });
  for (const [index, { name, at, reason, fix }] of BAD.entries()) {
    assert.match(found[index]?.message ?? '', reason);
    assert.match(found[index]?.fix?.text ?? '', fix);
    await eventually(`the watcher says ${name}`, 5_000, () => {
      const told = plane
        .said()
        .split(/^(?=error|warning)/m)
        .find((part) => part.includes(`${paths.get(name)}:${at}`));
      return Promise.resolve(told !== undefined && reason.test(told) && fix.test(told) ? true : undefined);
    });
  }
  assert.deepEqual([await inForce('fine'), await inForce('twice'), await inForce('wrong-type')], ['none', 'none', undefined]);
  // Kiali's list marks the objects that are in force and wrong.
  const list = JSON.parse((await get(`${plane.console}/api/istio/config?validate=true`)).body) as {
    readonly validations: Readonly<
      Record<
        string,
        Readonly<Record<string, { readonly valid: boolean; readonly checks: readonly { readonly code: string; readonly fix?: string }[] }>>
      >
    >;
  };
  const marked = Object.values(list.validations['networking.istio.io/v1, Kind=VirtualService'] ?? {}).filter(({ valid }) => !valid);
  assert.ok(marked.some(({ checks }) => checks.some(({ code, fix }) => code === 'KIA1101' && fix !== undefined)));
  for (const path of paths.values()) rmSync(path);
  rmSync(join(plane.configDir, 'fine.yaml'));
  await eventually('nothing is left', 8_000, async () => ((await problemsAtConsole()).length === 0 ? true : undefined));
  await eventually('the watcher says so', 5_000, () => Promise.resolve(/no problem is left/.test(plane.said()) ? true : undefined));
});

test('a half-written file changes nothing, and a faulty edit leaves the version before in force', async () => {
  const path = place('edited.yaml', virtualService('edited', `    - timeout: 3s\n${route().replace('    - ', '      ')}`));
  await eventually('the first version', 5_000, async () => ((await inForce('edited')) === '3s' ? true : undefined));
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.slice(0, text.indexOf('spec:') + 20));
  await eventually('the half is seen', 5_000, async () => ((await problemsAtConsole()).length > 0 ? true : undefined));
  assert.equal(await inForce('edited'), '3s');
  writeFileSync(path, text.replace('3s', 'later'));
  await eventually('the fault is told', 5_000, async () =>
    (await problemsAtConsole()).some(({ message }) => /"later" is not a duration.*the version before stays in force/.test(message))
      ? true
      : undefined,
  );
  assert.equal(await inForce('edited'), '3s');
  writeFileSync(path, text.replace('3s', '7s'));
  await eventually('the good version', 5_000, async () => ((await inForce('edited')) === '7s' ? true : undefined));
  assert.deepEqual(await problemsAtConsole(), []);
});

test('a weight under destination is refused on its line with the corrected block, and --fix takes it', async () => {
  const file = input('slide', MISPLACED);
  const refused = await plane.cli(['apply', '-f', file]);
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
  assert.match(refused.stderr, new RegExp(`${file}:12:13 spec.http\\[0\\].route\\[0\\].destination.weight: "weight" belongs beside "destination"`));
  assert.ok(refused.stderr.includes('        - destination:\n            host: cart\n          weight: 90   # as on the slide\n'), refused.stderr);
  const tried = await plane.cli(['apply', '-f', file, '--fix', '--dry-run']);
  assert.deepEqual([tried.code, readFileSync(file, 'utf8')], [0, MISPLACED], 'a dry run changes no file');
  const fixed = await plane.cli(['apply', '-f', file, '--fix']);
  assert.deepEqual([fixed.code, fixed.stdout], [0, 'virtualservice.networking.istio.io/slide created\n']);
  assert.equal(readFileSync(file, 'utf8'), MISPLACED.replaceAll('            weight', '          weight'));
  const again = await plane.cli(['apply', '-f', '-', '--fix'], MISPLACED);
  assert.deepEqual([again.code, again.stdout], [0, 'virtualservice.networking.istio.io/slide unchanged\n']);
});

test('server-made metadata is accepted and shown; where an object came from too, and both may be applied again', async () => {
  const exported = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: exported
  namespace: shop
  uid: 0a1b2c3d-1111-2222-3333-444455556666
  resourceVersion: "4711"
  generation: 7
  creationTimestamp: "2024-01-02T03:04:05Z"
  selfLink: /apis/networking.istio.io/v1/namespaces/shop/destinationrules/exported
  managedFields:
    - { manager: kubectl, operation: Apply, apiVersion: networking.istio.io/v1, time: "2024-01-02T03:04:05Z", fieldsType: FieldsV1, fieldsV1: { "f:spec": {} } }
spec:
  host: cart
status:
  observedGeneration: "7"
`;
  const file = input('exported', exported);
  const applied = await plane.cli(['apply', '-f', file]);
  assert.deepEqual([applied.code, applied.stderr], [0, '']);
  const shown = JSON.parse((await plane.cli(['get', 'dr', 'exported', '-n', 'shop', '-o', 'json'])).stdout) as {
    readonly metadata: Readonly<Record<string, unknown>>;
    readonly status: unknown;
  };
  const { metadata } = shown;
  assert.deepEqual(
    [metadata['uid'], metadata['selfLink'], shown.status],
    ['0a1b2c3d-1111-2222-3333-444455556666', '/apis/networking.istio.io/v1/namespaces/shop/destinationrules/exported', { observedGeneration: '7' }],
  );
  for (const key of ['resourceVersion', 'generation', 'creationTimestamp', 'managedFields']) assert.notEqual(metadata[key], undefined, key);
  assert.deepEqual(metadata['annotations'], { 'meltemi.io/origin': `apply ${file}:1` });
  const yaml = (await plane.cli(['get', 'dr', 'exported', '-n', 'shop', '-o', 'yaml'])).stdout;
  const again = await plane.cli(['apply', '-f', '-'], yaml);
  assert.deepEqual([again.code, again.stdout], [0, 'destinationrule.networking.istio.io/exported unchanged\n']);
});
