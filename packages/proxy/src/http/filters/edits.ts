import type { CompiledHeaders, HeaderEdit } from '@meltemi/runtime';
import type { HeadScanner } from '@meltemi/wire';
import { applyHeaders, clean, FRAMING, lineAt, withoutLines, type HeadDraft } from '../headers.ts';
import { headerValue } from '../request-view.ts';

const NOTHING = { format: (): undefined => undefined };

/** Applies edits, in their order, to a scanned head, as a route's header operations are applied. */
export function applyEdits(edits: readonly HeaderEdit[], scanner: HeadScanner, bytes: Uint8Array, draft: HeadDraft): void {
  for (const edit of edits) {
    const plain = edit.action === 'join' ? joined(edit, scanner, bytes) : edit;
    if (plain !== undefined) applyHeaders(asOperation(plain, plain.action), scanner, { ...NOTHING, bytes }, draft);
  }
}

/** Read from the lines as they came: a header that another edit has made is not joined to. */
function joined(edit: HeaderEdit, scanner: HeadScanner, bytes: Uint8Array): HeaderEdit | undefined {
  const before = headerValue(scanner, bytes, edit.name);
  return before === undefined ? undefined : { ...edit, action: 'overwrite', value: `${before},${edit.value}` };
}

function asOperation({ name, value }: HeaderEdit, action: HeaderEdit['action']): CompiledHeaders {
  if (action === 'remove' || action === 'join') return { empty: false, remove: action === 'remove' ? [name] : [], set: [] };
  return { empty: false, remove: [], set: [{ name, action, keepEmptyValue: true, constant: value, value: () => value }] };
}

/** Edits lines of our own (`name: value\r\n` each). */
export function editLines(lines: string, edits: readonly HeaderEdit[]): string {
  let out = lines;
  for (const { name, action, value } of edits) {
    if (name.startsWith(':') || FRAMING.has(name) || action === 'join') continue;
    const there = lineAt(out, name) >= 0;
    if (action === 'add-if-absent' ? there : action === 'overwrite-if-exists' && !there) continue;
    if (there && action !== 'append') out = withoutLines(out, name);
    if (action !== 'remove') out += `${name}: ${clean(value)}\r\n`;
  }
  return out;
}
