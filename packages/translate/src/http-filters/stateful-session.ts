import { derivedRule, sessionOf, type NamespaceServices, type Service, type Session, type VirtualServiceTable } from '@meltemi/model';
import { ANY_TYPE, EXTENSION_NAME, packAny, type Any, type StatefulSession } from '@meltemi/protos-types';
import { durationOf } from '../common/duration.ts';
import type { HttpFilterDefinition } from './define.ts';

/** Clients that come back to the endpoint of their session, where a route or a service asks for it; on its own the filter lets everything pass. */
export const statefulSessionFilter: HttpFilterDefinition = {
  name: EXTENSION_NAME.statefulSession,
  applies: ({ place, sessions }) => place !== 'sidecar-inbound' && sessions === true,
  build: () => ({ name: EXTENSION_NAME.statefulSession, typed_config: packAny(ANY_TYPE.statefulSession, {}) }),
  perRoute(route, called) {
    const session = derivedRule(route)?.session ?? (called === undefined ? undefined : sessionOf(called));
    return session === undefined ? undefined : perRoute(session);
  },
};

function perRoute(session: Session): Any {
  return packAny(ANY_TYPE.statefulSessionPerRoute, { stateful_session: stateOf(session) });
}

function stateOf(session: Session): StatefulSession {
  if (session.t === 'header')
    return { session_state: { name: 'envoy.http.stateful_session.header', typed_config: packAny(ANY_TYPE.headerSession, { name: session.name }) } };
  const { name, path } = session;
  const ttl = durationOf(session.ttl);
  const cookie = { name, path, ...(ttl === undefined ? {} : { ttl }) };
  return { session_state: { name: 'envoy.http.stateful_session.cookie', typed_config: packAny(ANY_TYPE.cookieSession, { cookie }) } };
}

const lookedAt = new WeakMap<object, boolean>();

function once<T extends object>(table: T, look: (table: T) => boolean): boolean {
  let known = lookedAt.get(table);
  if (known === undefined) lookedAt.set(table, (known = look(table)));
  return known;
}

/** Whether any service or rule keeps sessions: only then does the filter stand in the chain. */
export function keepsSessions({
  services,
  virtualServices,
}: {
  readonly services: NamespaceServices;
  readonly virtualServices: VirtualServiceTable;
}): boolean {
  return rulesKeepSessions(virtualServices) || once(services, ({ list }) => list.some((service: Service) => sessionOf(service) !== undefined));
}

/** Whether any rule of these does. */
function rulesKeepSessions(table: VirtualServiceTable): boolean {
  return once(table, ({ all }) => all.some(({ http }) => http.some(({ route }) => derivedRule(route)?.session !== undefined)));
}
