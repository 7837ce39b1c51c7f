import { ProtoReader, ProtoWriter, WireType } from '@meltemi/base';
import { readCookie } from '../compile/hash.ts';
import type { RequestView } from '../compiled.ts';
import type { Reader } from '../decode/reader.ts';
import { OVERRIDE_HOST } from '../filter-state.ts';
import { fromBase64Url, fromUtf8, toBase64Url, toUtf8 } from '../jwt/base64.ts';
import { defineFilter, mostSpecific, type FilterKind } from './define.ts';
import type { FilterAction, FilterContext, HeaderEdit } from './types.ts';

/** How a client names the host of its session. */
type SessionState =
  | { readonly t: 'cookie'; readonly name: string; readonly path: string; readonly ttlSeconds: number; readonly attributes: readonly string[] }
  | { readonly t: 'header'; readonly name: string };

interface StatefulSession {
  /** undefined = off. */
  readonly state: SessionState | undefined;
  /** The session's host or none. */
  readonly strict: boolean;
}

/** Clients say by cookie or header which host they were with, and come back to it (`envoy.filters.http.stateful_session`). */
export const statefulSessionFilter: FilterKind = defineFilter<StatefulSession, StatefulSession>({
  t: 'stateful-session',
  types: ['envoy.extensions.filters.http.stateful_session.v3.StatefulSession'],
  overrideTypes: ['envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute'],
  decode: decodeSession,
  decodeOverride(reader) {
    if (reader.bool('disabled')) return { state: undefined, strict: false };
    const session = reader.message('stateful_session');
    if (session === undefined) reader.fail('', 'neither disabled nor stateful_session is set');
    return session === undefined ? { state: undefined, strict: false } : decodeSession(session);
  },
  compile(own, site) {
    const { state, strict } = mostSpecific(own, site);
    return state === undefined ? undefined : keepSessions(state, strict);
  },
});

function decodeSession(reader: Reader): StatefulSession {
  reader.harmless('stat_prefix');
  const strict = reader.bool('strict');
  const state = reader.message('session_state');
  // The name is for logs; what it is, its type says.
  state?.harmless('name');
  const config = state?.message('typed_config');
  return { state: config === undefined ? undefined : decodeState(config), strict };
}

const STATES = 'envoy.extensions.http.stateful_session.';

function decodeState(config: Reader): SessionState | undefined {
  const type = config.type();
  if (type === `${STATES}cookie.v3.CookieBasedSessionState`) {
    const cookie = config.message('cookie');
    const name = cookie?.string('name') ?? '';
    config.require('cookie.name', name !== '', 'missing');
    const attributes = cookie
      ?.messages('attributes')
      .map((item) => [item.string('name'), item.string('value')].filter((part) => part !== '').join('='));
    return {
      t: 'cookie',
      name,
      path: cookie?.string('path') ?? '',
      ttlSeconds: Math.floor((cookie?.optionalDuration('ttl') ?? 0) / 1000),
      attributes: attributes ?? [],
    };
  }
  if (type === `${STATES}header.v3.HeaderBasedSessionState`) {
    const name = config.string('name').toLowerCase();
    config.require('name', name !== '', 'missing');
    return { t: 'header', name };
  }
  config.ignoreRest();
  config.fail('', `sessions of type ${type} are not supported by this proxy`);
  return undefined;
}

function keepSessions(state: SessionState, strict: boolean): FilterAction {
  const concerns = state.t === 'cookie' ? pathTest(state.path) : () => true;
  return {
    decide({ request, thread }) {
      if (!concerns(request.path)) return undefined;
      const address = state.t === 'cookie' ? cookieAddress(request, state.name, thread) : headerAddress(request, state.name);
      return {
        ...(address === '' ? {} : { metadata: { [OVERRIDE_HOST]: { address, strict } } }),
        response: {
          onResponse({ format }) {
            const host = format.format('UPSTREAM_HOST', '');
            if (host === undefined || host === '' || host === address) return undefined;
            return { edits: [remember(state, String(host), thread)] };
          },
        },
      };
    },
  };
}

/** The paths that a cookie of this path is sent with. */
function pathTest(path: string): (target: string) => boolean {
  if (path === '' || path === '/') return () => true;
  if (path.endsWith('/')) return (target) => target.startsWith(path);
  return (target) => target.startsWith(path) && (target.length === path.length || '/?#'.includes(target.charAt(path.length)));
}

function headerAddress(request: RequestView, name: string): string {
  return textOf(request.header(name) ?? '');
}

/** A message `{ address = 1, expires = 2 }`, seconds since 1970; '' = none that still counts. */
function cookieAddress(request: RequestView, name: string, thread: FilterContext['thread']): string {
  const bytes = bytesOf(readCookie(request, name));
  if (bytes === undefined) return '';
  try {
    let address = '';
    let expires = 0n;
    const reader = new ProtoReader(bytes);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === ((1 << 3) | WireType.bytes)) address = reader.string();
      else if (tag === 2 << 3) expires = reader.uint64();
      else reader.skip(tag);
    }
    return expires !== 0n && expires < BigInt(Math.floor(thread.wallMs() / 1000)) ? '' : address;
  } catch {
    // Not one of ours: the client has no session.
    return '';
  }
}

function remember(state: SessionState, host: string, thread: FilterContext['thread']): HeaderEdit {
  if (state.t === 'header') return { name: state.name, action: 'overwrite', value: toBase64(toUtf8(host)) };
  const { name, ttlSeconds, path, attributes } = state;
  const writer = new ProtoWriter().tag(1, WireType.bytes).string(host);
  if (ttlSeconds > 0) writer.tag(2, WireType.varint).uint64(BigInt(Math.floor(thread.wallMs() / 1000) + ttlSeconds));
  const parts = [
    `${name}="${toBase64(writer.take())}"`,
    ...(ttlSeconds > 0 ? [`Max-Age=${ttlSeconds}`] : []),
    ...(path === '' ? [] : [`Path=${path}`]),
    ...attributes,
    'HttpOnly',
  ];
  return { name: 'set-cookie', action: 'append', value: parts.join('; ') };
}

function toBase64(bytes: Uint8Array): string {
  const text = toBase64Url(bytes).replaceAll('-', '+').replaceAll('_', '/');
  return text + '='.repeat((4 - (text.length % 4)) % 4);
}

function bytesOf(base64: string): Uint8Array | undefined {
  return fromBase64Url(
    base64
      .replace(/={1,2}$/, '')
      .replaceAll('+', '-')
      .replaceAll('/', '_'),
  );
}

function textOf(base64: string): string {
  const bytes = bytesOf(base64);
  return bytes === undefined ? '' : (fromUtf8(bytes) ?? '');
}
