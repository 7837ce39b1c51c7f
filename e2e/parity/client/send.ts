import type { Journal } from '../backend/seen.ts';
import type { Part } from '../steps.ts';
import type { Connection } from './connection.ts';
import { readResponses } from './responses.ts';

export const LIMIT_MS = 5_000;

/** Sends the parts one after the other, waiting where they say so. A wait that is not fulfilled in 5 s is an error of the step. */
export async function sendParts(connection: Connection, parts: readonly Part[], methods: readonly string[], journal: Journal): Promise<void> {
  for (const part of parts) {
    if (typeof part === 'string' || part instanceof Uint8Array) await write(connection, part);
    else if ('pauseMs' in part) await new Promise((resolve) => setTimeout(resolve, part.pauseMs));
    else if ('fin' in part) connection.socket.end();
    else if ('reset' in part) {
      connection.ended = 'reset';
      connection.socket.resetAndDestroy();
    } else if ('open' in part) journal.openGate(part.open);
    else if ('backendHas' in part)
      await until(journal, `the backend has ${part.backendHas}`, () => backendHas(journal, part) || connection.ended !== 'open');
    else await until(connection, JSON.stringify(part), () => hasCome(connection, part, methods) || connection.ended !== 'open');
  }
}

function hasCome(connection: Connection, part: Exclude<Part, string | Uint8Array>, methods: readonly string[]): boolean {
  if ('received' in part) return connection.text.includes(part.received, connection.consumed);
  const seen = readResponses(connection.text.slice(connection.consumed), methods, false);
  if ('responses' in part) return seen.responses.filter(({ complete }) => complete).length >= part.responses;
  return 'interim' in part && seen.interim.length >= part.interim;
}

function backendHas(journal: Journal, part: { readonly backendHas: number; readonly name?: string }): boolean {
  return journal.requests.filter(({ at }) => part.name === undefined || at === part.name).length >= part.backendHas;
}

/** Resolves when the bytes have been handed to the system, or the connection is gone. */
function write(connection: Connection, bytes: string | Uint8Array): Promise<void> {
  if (connection.socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    connection.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => resolve());
  });
}

/** Waits for a condition by events. */
export async function until(
  source: { changed(limitMs: number): Promise<void> },
  what: string,
  holds: () => boolean,
  limitMs = LIMIT_MS,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!holds()) {
    const left = deadline - performance.now();
    if (left <= 0) throw new Error(`not within ${limitMs} ms: ${what}`);
    await source.changed(left);
  }
}
