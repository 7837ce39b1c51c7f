/** docs/reference/refused-fields.md is what the kinds say; MELTEMI_GOLDEN=write writes it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { KINDS, KNOWN_UNSUPPORTED_KINDS, meshConfigDefinition } from '../index.ts';

const FILE = new URL('../../../../docs/reference/refused-fields.md', import.meta.url);

function section(title: string, column: string, unsupported: Readonly<Record<string, string>>): string {
  const byReason = Map.groupBy(Object.entries(unsupported), ([, reason]) => reason);
  const rows = [...byReason].map(([reason, entries]) => `| ${entries.map(([pattern]) => `\`${pattern}\``).join('<br>')} | ${reason} |`);
  return [`## ${title}`, '', `| ${column} | why |`, '|---|---|', ...rows].join('\n');
}

function page(): string {
  const kinds = KINDS.filter((kind) => Object.keys(kind.unsupported).length > 0).map((kind) =>
    section(kind.id.kind, 'field under `spec`', kind.unsupported),
  );
  kinds.push(section('MeshConfig', 'field of `mesh` in the ConfigMap `istio`, or of the file of `--mesh-config`', meshConfigDefinition.unsupported));
  return [
    '# What is refused',
    '',
    'Meltemi ignores nothing: a field that it knows and does not do yet is refused on its line (MEL0105), and so is a field that nobody knows',
    '(MEL0104). Everything else of these kinds is in force on both data planes. `=VALUE` means that only this value is refused.',
    '',
    ...kinds.flatMap((kind) => [kind, '']),
    '## Kinds',
    '',
    '| kind | what is said |',
    '|---|---|',
    ...[...Map.groupBy(Object.entries(KNOWN_UNSUPPORTED_KINDS), ([, hint]) => hint)].map(
      ([hint, entries]) => `| ${entries.map(([kind]) => kind.replace(/^\//, '')).join('<br>')} | ${hint} |`,
    ),
    '',
  ].join('\n');
}

test('the page of refused fields is what the kinds say', () => {
  if (process.env['MELTEMI_GOLDEN'] === 'write') writeFileSync(FILE, page());
  assert.equal(readFileSync(FILE, 'utf8'), page());
});
