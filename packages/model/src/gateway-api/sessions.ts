import type { Config, GRPCRouteRule, HTTPRouteMatch, HTTPRouteRule } from '@meltemi/api';
import { hashText } from '@meltemi/base';
import type { Session } from '../session.ts';

/** The matches of a rule share its sessions: the cookie's path is theirs when they have one and the same. */
export function sessionOfRule(config: Config, { sessionPersistence, matches }: HTTPRouteRule | GRPCRouteRule, index: number): Session | undefined {
  if (sessionPersistence === undefined) return undefined;
  const { sessionName, type = 'Cookie', absoluteTimeout, cookieConfig } = sessionPersistence;
  const name = sessionName ?? `session-${hashText(`${config.kind}/${config.meta.namespace}/${config.meta.name}/${index}`).slice(0, 8)}`;
  if (type === 'Header') return { t: 'header', name };
  const paths = new Set(((matches ?? []) as readonly HTTPRouteMatch[]).map(({ path }) => (path?.type === 'RegularExpression' ? '/' : path?.value)));
  const [path = '/'] = paths.size === 1 ? paths : [];
  return {
    t: 'cookie',
    name,
    path: path.length > 1 ? path.replace(/\/+$/, '') : path,
    ...(cookieConfig?.lifetimeType === 'Permanent' ? { ttl: absoluteTimeout ?? '0s' } : {}),
  };
}
