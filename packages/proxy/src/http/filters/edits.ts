import type { CompiledHeaders, HeaderEdit } from '@meltemi/runtime';
import type { HeadScanner } from '@meltemi/wire';
import { applyHeaders, clean, FRAMING, lineAt, withoutLines, type HeadDraft } from '../headers.ts';
import { nodeBytes } from '../../net/node-bytes.ts';
import { headerValue } from '../request-view.ts';

const NOTHING = { format: (): undefined => undefined };

/** Applies edits, in their order, to a scanned head, as a route's header operations are applied. */
export function applyEdits(edits: readonly HeaderEdit[], scanner: HeadScanner, bytes: Uint8Array, draft: HeadDraft): void {
  for (const edit of edits) {
    if (edit.matches !== undefined) {
      cutMatching(scanner, { bytes, draft }, edit.matches);
      continue;
    }
    const plain = edit.action === 'join' ? joined(edit, scanner, bytes) : edit;
    if (plain !== undefined) applyHeaders(asOperation(plain, plain.action), scanner, { ...NOTHING, bytes }, draft);
  }
}

/** Cuts every line of which the name is accepted, but for those that frame the message. */
function cutMatching(
  scanner: HeadScanner,
  { bytes, draft }: { readonly bytes: Uint8Array; readonly draft: HeadDraft },
  matches: (name: string) => boolean,
): void {
  for (let i = 0; i < scanner.count; i++) {
    const name = nodeBytes.latin1(bytes, scanner.nameStart(i), scanner.nameEnd(i)).toLowerCase();
    if (!FRAMING.has(name) && matches(name)) scanner.drop(i);
  }
  draft.lines = withoutMatching(draft.lines, matches);
}

function withoutMatching(lines: string, matches: (name: string) => boolean): string {
  return lines
    .split('\r\n')
    .filter((line) => line === '' || !matches(line.slice(0, line.indexOf(':'))))
    .join('\r\n');
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
  for (const { name, action, value, matches } of edits) {
    if (matches !== undefined) {
      out = withoutMatching(out, matches);
      continue;
    }
    if (name.startsWith(':') || FRAMING.has(name) || action === 'join') continue;
    const there = lineAt(out, name) >= 0;
    if (action === 'add-if-absent' ? there : action === 'overwrite-if-exists' && !there) continue;
    if (there && action !== 'append') out = withoutLines(out, name);
    if (action !== 'remove') out += `${name}: ${clean(value)}\r\n`;
  }
  return out;
}
