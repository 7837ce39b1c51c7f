import { editedValue, type FilterResponse, type FormatSource, type HeaderEdit, type PayloadTransform, type ResponseHook } from '@meltemi/runtime';
import { lineAt } from '../headers.ts';
import type { Exchange } from '../exchange.ts';
import { rescan } from '../request-head.ts';
import { headerValue } from '../request-view.ts';
import { editLines } from './edits.ts';
import { mergeMetadata } from './metadata.ts';

/** Asks the filters' hooks about the response whose head the worker's response scanner has just read. Their edits wait in the state. */
export function filterResponse(x: Exchange, bytes: Uint8Array, endOfStream: boolean): void {
  const state = x.filters;
  if (state === undefined || state.hooks.every(isIdle)) return;
  const { responseScanner: scanner } = x.worker;
  state.responseEdits = runHooks(x, { status: scanner.status, local: false, endOfStream }, (name) => headerValue(scanner, bytes, name));
}

/** Lets the filters' hooks change the lines of the proxy's own answer. */
export function filterLocalReply(x: Exchange, status: number, lines: string, hasBody: boolean): string {
  const state = x.filters;
  if (state === undefined || state.hooks.every(isIdle)) return lines;
  const edits = runHooks(x, { status, local: true, endOfStream: !hasBody }, (name) => lineValue(lines, name));
  return editLines(lines, edits);
}

function isIdle(hook: ResponseHook): boolean {
  return hook.idle?.() === true;
}

function lineValue(lines: string, name: string): string | undefined {
  const at = lineAt(lines, name);
  return at < 0 ? undefined : lines.slice(at + name.length + 2, lines.indexOf('\r\n', at));
}

/** Formatters of a response: its own headers, and the request's. */
function responseFormat(x: Exchange, header: (name: string) => string | undefined): FormatSource {
  const request = x.worker.filterContext.use(x).format;
  return {
    format(operator, argument) {
      if (operator !== 'RESP') return request.format(operator, argument);
      for (const name of argument.toLowerCase().split('?')) {
        const value = header(name);
        if (value !== undefined && value !== '') return value;
      }
      return undefined;
    },
  };
}

/** Last filter first, each seeing the changes of those before it. */
function runHooks(
  x: Exchange,
  what: Pick<FilterResponse, 'status' | 'local' | 'endOfStream'>,
  header: (name: string) => string | undefined,
): readonly HeaderEdit[] {
  const { worker, filters } = x;
  const edits: HeaderEdit[] = [];
  const transforms: PayloadTransform[] = [];
  // Hooks look at the request too; another one may have been read since.
  if (worker.scannedFor !== x) rescan(x);
  const seen = (name: string): string | undefined =>
    edits.reduce((value, edit) => (edit.name === name || edit.matches?.(name) === true ? editedValue(value, edit) : value), header(name));
  const response: FilterResponse = {
    ...what,
    header: seen,
    format: responseFormat(x, seen),
    request: worker.view,
  };
  for (const hook of (filters?.hooks ?? []).toReversed()) {
    const verdict = hook.onResponse(response);
    if (verdict === undefined) continue;
    if (verdict.edits !== undefined) edits.push(...verdict.edits);
    if (verdict.metadata !== undefined) mergeMetadata(x, verdict.metadata);
    const { transform } = verdict;
    if (transform === undefined || what.local) continue;
    transforms.push(transform);
  }
  stage(x, transforms);
  return edits;
}

/** The payload takes the way of the head: what was first to see the one is farthest from the client for the other. */
function stage(x: Exchange, transforms: readonly PayloadTransform[]): void {
  for (const transform of transforms.toReversed()) {
    const make = x.worker.filterHalves.get(transform.t)?.transform?.(transform, x);
    if (make !== undefined) x.stageResponse(make);
  }
}
