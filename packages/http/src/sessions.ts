import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '@meltemi/base';
import type { HttpResponse } from './types.ts';

const TICKET_MS = 10 * 60_000;
const SESSION_MS = 12 * 3_600_000;
const MAX_ENTRIES = 1000;

/** Console sessions: a one-time ticket in a printed URL is exchanged for a cookie. All in memory. */
export interface Sessions {
  /** A ticket for one session, good for ten minutes. */
  issueTicket(): string;
  /** A new session, for a caller who has shown the token. */
  open(): string;
  /** The session of a ticket; undefined when it is unknown, used or too old. */
  redeem(ticket: string): string | undefined;
  /** Until when the session lives that a request's cookie names; undefined when there is none or it has ended. */
  find(headers: IncomingHttpHeaders): number | undefined;
  readonly cookieName: string;
}

/** `name` tells instances on one host apart: cookies do not know ports. */
export function createSessions(options: { readonly clock: Clock; readonly name?: string }): Sessions {
  const { clock } = options;
  const tickets = new Map<string, number>();
  const sessions = new Map<string, number>();
  const cookieName = `meltemi-session${options.name === undefined ? '' : `-${options.name}`}`;
  const open = (): string => {
    const id = randomBytes(24).toString('base64url');
    remember(sessions, id, clock.now() + SESSION_MS);
    return id;
  };
  return {
    cookieName,
    issueTicket() {
      const ticket = randomBytes(24).toString('base64url');
      remember(tickets, ticket, clock.now() + TICKET_MS);
      return ticket;
    },
    redeem(ticket) {
      const until = tickets.get(ticket);
      tickets.delete(ticket);
      return until === undefined || until < clock.now() ? undefined : open();
    },
    open,
    find(headers) {
      const id = cookieOf(headers, cookieName);
      const until = id === undefined ? undefined : sessions.get(id);
      return until !== undefined && until >= clock.now() ? until : undefined;
    },
  };
}

function remember(map: Map<string, number>, key: string, until: number): void {
  const oldest = map.keys().next();
  if (map.size >= MAX_ENTRIES && oldest.done !== true) map.delete(oldest.value);
  map.set(key, until);
}

function cookieOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  for (const part of (headers.cookie ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name) return value;
  }
  return undefined;
}

/** Gives the browser the session's cookie and leads it to `/`. */
export function startSession(sessions: Sessions, id: string): HttpResponse {
  const cookie = `${sessions.cookieName}=${id}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${SESSION_MS / 1000}`;
  return { status: 303, headers: { location: '/', 'set-cookie': cookie, 'cache-control': 'no-store' } };
}
