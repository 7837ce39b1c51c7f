import type { CompiledHeaders, HeaderEdit } from '@meltemi/runtime';
import type { HeadScanner } from '@meltemi/wire';
import { applyHeaders, clean, FRAMING, lineAt, withoutLines, type HeadDraft } from '../headers.ts';

const NOTHING = { format: (): undefined => undefined };

/** Applies edits, in their order, to a scanned head, as a route's header operations are applied. */
export function applyEdits(edits: readonly HeaderEdit[], scanner: HeadScanner, bytes: Uint8Array, draft: HeadDraft): void {
  for (const edit of edits) applyHeaders(asOperation(edit), scanner, { ...NOTHING, bytes }, draft);
}

function asOperation({ name, action, value }: HeaderEdit): CompiledHeaders {
  if (action === 'remove') return { empty: false, remove: [name], set: [] };
  return { empty: false, remove: [], set: [{ name, action, keepEmptyValue: true, constant: value, value: () => value }] };
}

/** Edits lines of our own (`name: value\r\n` each). */
export function editLines(lines: string, edits: readonly HeaderEdit[]): string {
  let out = lines;
  for (const { name, action, value } of edits) {
    if (name.startsWith(':') || FRAMING.has(name)) continue;
    const there = lineAt(out, name) >= 0;
    if (action === 'add-if-absent' ? there : action === 'overwrite-if-exists' && !there) continue;
    if (there && action !== 'append') out = withoutLines(out, name);
    if (action !== 'remove') out += `${name}: ${clean(value)}\r\n`;
  }
  return out;
}
