/**
 * Every field by which a caller is answered otherwise is written by some case that runs on both data planes, or stands in `shown-elsewhere.ts` with where it is shown.
 * docs/reference/fields-seen-by-callers.md is made here: MELTEMI_GOLDEN=write node --test e2e/parity/fields.test.ts
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { kindByName, meshConfigDefinition } from '@meltemi/api';
import { fieldsOfCases, leafFields } from './harness/fields.ts';
import { createIdentities } from './harness/identities.ts';
import { loadTopics } from './harness/topics.ts';
import { SHOWN_ELSEWHERE, shownElsewhere, type ShownKind } from './shown-elsewhere.ts';

const KINDS = Object.keys(SHOWN_ELSEWHERE) as readonly ShownKind[];
const PAGE = new URL('../../docs/reference/fields-seen-by-callers.md', import.meta.url);
let port = 2_000;
const place = { address: '127.0.0.1', folder: 'nowhere', logPath: 'nowhere', identities: await createIdentities(), nextPort: () => port++ };
const written = fieldsOfCases(await loadTopics(), place);

/** Field → where it is shown. */
function rows(kind: ShownKind): readonly (readonly [field: string, shown: string | undefined])[] {
  const definition = kind === 'MeshConfig' ? meshConfigDefinition : kindByName(kind);
  assert.ok(definition !== undefined);
  return leafFields(definition).map((field) => {
    const found = written.get(`${definition.tag} ${field}`);
    return [field, found === undefined ? shownElsewhere(kind, field) : `parity ${found}`];
  });
}

test('every field that a caller can see is shown on both data planes', () => {
  const gaps = KINDS.flatMap((kind) => rows(kind).flatMap(([field, shown]) => (shown === undefined ? [`${kind} ${field}`] : [])));
  assert.deepEqual(gaps, [], 'write a case in e2e/parity/cases, or say in shown-elsewhere.ts where the field is shown');
});

test('what is shown elsewhere is not written by a case as well', () => {
  const idle = KINDS.flatMap((kind) =>
    Object.entries<string>(SHOWN_ELSEWHERE[kind])
      .filter(([start, text]) => !rows(kind).some(([field, shown]) => field.startsWith(start) && shown === text))
      .map(([start]) => `${kind} ${start}`),
  );
  assert.deepEqual(idle, []);
});

test('goldens, tests and guides that are named are there', () => {
  const texts = KINDS.flatMap((kind) => Object.values<string>(SHOWN_ELSEWHERE[kind])).join('; ');
  const goldens = texts.match(/(?<=golden\/)[\w-]+\/[\w-]+(?![\w*-])/g) ?? [];
  const files = texts.match(/[\w-]+\/[\w/-]+\.(?:test\.ts|ts|md)/g) ?? [];
  const paths = [
    ...goldens.map((name) => `packages/translate/src/testdata/golden/${name}.in.yaml`),
    ...files.map((file) => (/^(?:e2e|docs)\//.test(file) ? file : `packages/${file}`)),
  ];
  assert.ok(paths.length > 30);
  assert.deepEqual(
    paths.filter((path) => !existsSync(new URL(`../../${path}`, import.meta.url))),
    [],
  );
});

test('the page is what the cases write', () => {
  const page = [
    '# Fields that callers see',
    '',
    'Made by `e2e/parity/fields.test.ts`. A case of `e2e/parity` writes the field, calls through our proxy and through a real Envoy, and what callers,',
    'backends and logs see must be as expected and the same. What is shown elsewhere says where. All fields, also those that only some proxy sees, are in',
    '[fields.md](fields.md).',
    '',
    ...KINDS.flatMap((kind) => [
      `## ${kind === 'KubernetesGateway' ? 'Gateway (gateway.networking.k8s.io)' : kind}`,
      '',
      '| field | shown by |',
      '|---|---|',
      ...rows(kind).map(([field, shown = 'nothing']) => `| \`${field}\` | ${shown.replaceAll('|', '\\|')} |`),
      '',
    ]),
  ].join('\n');
  if (process.env['MELTEMI_GOLDEN'] === 'write') writeFileSync(PAGE, page);
  assert.equal(readFileSync(PAGE, 'utf8'), page);
});
