import { toPublicObject, type Config } from '@meltemi/api';
import type { BodyWriter, HttpRequest, HttpResponse } from '@meltemi/http';
import type { ChangeLog, LoggedChange } from './change-log.ts';
import { statusObject, StatusError } from './status.ts';
import { withOrigin } from './origin.ts';

const MAX_WAITING = 5000;
const BOOKMARK_MS = 60_000;

export interface WatchScope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly matches: (config: Config) => boolean;
  /** The objects now, for a watch that names no revision. */
  readonly current: () => readonly Config[];
}

/** Kubernetes' watch: one JSON object a line, `{ type, object }`, until the client leaves or `timeoutSeconds` are over. */
export function watchResponse(log: ChangeLog, scope: WatchScope, request: HttpRequest): HttpResponse {
  const asked = request.query.get('resourceVersion') ?? '';
  const timeoutMs = Math.min(Number(request.query.get('timeoutSeconds') ?? 0) || 1800, 3600) * 1000;
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    async body(out) {
      const queue = createQueue(log, scope);
      const timer = setTimeout(() => queue.end(), timeoutMs);
      const bookmarks =
        request.query.get('allowWatchBookmarks') === 'true' ? setInterval(() => queue.push(bookmark(log, scope)), BOOKMARK_MS) : undefined;
      out.signal.addEventListener('abort', () => queue.end());
      try {
        const missed = asked === '' || asked === '0' ? undefined : log.since(Number(asked));
        if (asked !== '' && asked !== '0' && missed === undefined) return await out.write(expired(asked, log.revision()));
        for (const entry of missed ?? []) queue.offer(entry);
        if (missed === undefined) for (const config of scope.current()) queue.push(line('ADDED', render(scope, config, config.meta.resourceVersion)));
        await drain(out, queue);
      } finally {
        clearTimeout(timer);
        clearInterval(bookmarks);
        queue.end();
      }
    },
  };
}

interface Queue {
  offer(entry: LoggedChange): void;
  push(text: string): void;
  end(): void;
  /** The next lines; undefined at the end. */
  next(): Promise<string | undefined>;
}

/** Subscribes at once, so that nothing falls between the state that was read and the changes that follow. */
function createQueue(log: ChangeLog, scope: WatchScope): Queue {
  const waiting: string[] = [];
  let wake: (() => void) | undefined;
  let ended = false;
  const end = (): void => {
    ended = true;
    unsubscribe();
    wake?.();
  };
  const push = (text: string): void => {
    waiting.push(text);
    // A client this far behind does better to list again than to be kept in memory.
    if (waiting.length > MAX_WAITING) end();
    wake?.();
  };
  const offer = (entry: LoggedChange): void => {
    const type = eventOf(scope, entry);
    if (type !== undefined) push(line(type, render(scope, entry.change.config, String(entry.revision))));
  };
  const unsubscribe = log.subscribe(offer);
  return {
    offer,
    push,
    end,
    async next() {
      while (waiting.length === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve));
      return waiting.length === 0 || waiting.length > MAX_WAITING ? undefined : waiting.splice(0).join('');
    },
  };
}

/** A change as this watch sees it: with a selector, an object that was altered may come into sight or leave it. */
function eventOf({ matches }: WatchScope, { change: { t, config, before } }: LoggedChange): 'ADDED' | 'MODIFIED' | 'DELETED' | undefined {
  const was = t === 'deleted' ? matches(config) : before !== undefined && matches(before);
  const is = t !== 'deleted' && matches(config);
  if (is) return was ? 'MODIFIED' : 'ADDED';
  return was ? 'DELETED' : undefined;
}

async function drain(out: BodyWriter, queue: Queue): Promise<void> {
  for (let text = await queue.next(); text !== undefined; text = await queue.next()) await out.write(text);
}

function render(scope: WatchScope, config: Config, resourceVersion: string | undefined): unknown {
  const object = toPublicObject(withOrigin({ ...config, apiVersion: scope.apiVersion }));
  return resourceVersion === undefined ? object : { ...object, metadata: { ...(object['metadata'] as object), resourceVersion } };
}

function line(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

function bookmark(log: ChangeLog, scope: WatchScope): string {
  return line('BOOKMARK', { kind: scope.kind, apiVersion: scope.apiVersion, metadata: { resourceVersion: String(log.revision()) } });
}

function expired(asked: string, newest: number): string {
  return line('ERROR', statusObject(new StatusError('Expired', `too old resource version: ${asked} (${newest})`)));
}
