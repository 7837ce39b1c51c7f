import { z } from 'zod';
import type { Finding } from '../../kind.ts';
import { dnsLabel, duration, opt, plainText, portNumber, req, text } from '../../schema/fields.ts';
import { dnsSubdomainFault, headerNameFault, hostFault, isIp } from '../../schema/formats.ts';

/** The group of the Kubernetes Gateway API. */
export const GATEWAY_GROUP = 'gateway.networking.k8s.io';

const objectName = text(dnsSubdomainFault);
const group = z.string().max(253);
const kindName = text((value) =>
  /^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/.test(value) && value.length <= 63 ? undefined : `"${value}" is not the name of a kind`,
);
export const sectionName = text(dnsSubdomainFault);

/** A host name in small letters, or one with `*` as its left-most label; never an address. */
export const hostname = text((value) => {
  if (isIp(value)) return `"${value}" is an IP address; a host name is needed here`;
  if (value === '*') return '"*" is not a host name here; leave the list out for all hosts';
  return value === value.toLowerCase() ? hostFault(value, { wildcard: true, ip: false }) : `"${value}" must be in small letters`;
});
/** A host name without a wildcard. */
export const preciseHostname = text((value) =>
  value === value.toLowerCase() ? hostFault(value, { wildcard: false, ip: false }) : `"${value}" must be in small letters`,
);
export const headerName = text(headerNameFault);

/** An object of the same namespace. */
export const localRef = z.strictObject({
  group: req(group, 'Group; "" for the core.'),
  kind: req(kindName, 'Kind.'),
  name: req(objectName, 'Name.'),
});

/** An object of any namespace that a ReferenceGrant opens. */
export const secretRef = z.strictObject({
  group: group.default('').describe('Group; the core.'),
  kind: kindName.default('Secret').describe('Kind.'),
  name: req(objectName, 'Name.'),
  namespace: opt(dnsLabel, 'Namespace; left out: the own one.'),
});

export const caRef = z.strictObject({
  group: req(group, 'Group; "" for the core.'),
  kind: req(kindName, 'ConfigMap or Secret.'),
  name: req(objectName, 'Name.'),
  namespace: opt(dnsLabel, 'Namespace; left out: the own one.'),
});

/** What a route attaches to. */
const parentRef = z.strictObject({
  group: group.default(GATEWAY_GROUP).describe('Group of the parent.'),
  kind: kindName.default('Gateway').describe('Gateway or ListenerSet; Service or ServiceEntry for calls inside of the mesh.'),
  namespace: opt(dnsLabel, 'Namespace; left out: the own one.'),
  name: req(objectName, 'Name of the parent.'),
  sectionName: opt(sectionName, 'Listener of a Gateway, or port name of a Service.'),
  port: opt(portNumber, 'Port of the listener or Service.'),
});
export const parentRefs = z.array(parentRef).max(32);

/** A backend without a share. */
export const backendObject = {
  group: group.default('').describe('Group of the backend; the core for a Service.'),
  kind: kindName.default('Service').describe('Service or ServiceEntry; Hostname (networking.istio.io) names a host.'),
  name: req(
    text((value) => (value === '' ? 'must not be empty' : undefined)),
    'Name of the backend.',
  ),
  namespace: opt(dnsLabel, 'Namespace; left out: the own one.'),
  port: opt(portNumber, 'Port of the Service.'),
};
const weight = z.int().min(0).max(1_000_000).default(1).describe('Share, relative to the other backends.');
export const backendRef = z.strictObject({ ...backendObject, weight });

/** Host can be set in requests (it is the authority then), and nothing else can be done to it. */
const otherHeaderName = text((value) => (value.toLowerCase() === 'host' ? 'Host can only be set, in requests' : headerNameFault(value)));
const header = (name: z.ZodType<string>) =>
  z.strictObject({ name: req(name, 'Name of the header.'), value: req(plainText.min(1).max(4096), 'Value.') });
const headerModifier = (settable: z.ZodType<string>) =>
  z.strictObject({
    set: opt(z.array(header(settable)).max(16), 'Headers to set, replacing what is there.'),
    add: opt(z.array(header(otherHeaderName)).max(16), 'Headers to append.'),
    remove: opt(z.array(otherHeaderName).max(16), 'Headers to remove.'),
  });
export const requestHeaderModifier = headerModifier(headerName);
export const responseHeaderModifier = headerModifier(otherHeaderName);
export const mirrorFilter = z.strictObject({
  backendRef: req(z.strictObject(backendObject), 'Where copies go.'),
  percent: opt(z.int().min(0).max(100), 'Share of requests in percent; default all.'),
  fraction: opt(
    z.strictObject({ numerator: req(z.int().min(0), 'Of so many.'), denominator: z.int().min(1).default(100).describe('Out of so many.') }),
    'Share of requests as a fraction.',
  ),
});
/** What every route says of its place. */
export const routeFields = {
  parentRefs: opt(parentRefs, 'What the route attaches to.'),
  hostnames: opt(z.array(hostname).max(16), 'Hosts; left out: those of the listener.'),
  useDefaultGateways: opt(z.string(), 'Experimental.'),
};

/** What rules of HTTP and of gRPC have in common. */
export function ruleFields<M extends z.ZodType, F extends z.ZodType>(match: M, filter: F, [call, calls]: readonly [one: string, several: string]) {
  return {
    name: opt(sectionName, 'Name of the rule.'),
    matches: opt(z.array(match).max(64), `Any of these must match; left out: every ${call}.`),
    filters: opt(z.array(filter).max(16), `What is done with ${calls}.`),
    backendRefs: opt(
      z.array(z.strictObject({ ...backendObject, weight, filters: opt(z.array(filter).max(16), 'For this backend only.') })).max(16),
      `Where ${calls} go.`,
    ),
  };
}

type SessionPersistence = z.output<typeof sessionPersistence>;

/** A token of HTTP: it names a cookie or a header. */
function sessionNameFault(value: string): string | undefined {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(value) ? undefined : 'is no name of a cookie or header';
}

export const sessionPersistence = z.strictObject({
  sessionName: opt(text(sessionNameFault), 'Name of the cookie or header.'),
  absoluteTimeout: opt(duration, 'Longest life of a session.'),
  idleTimeout: opt(duration, 'Longest pause of a session.'),
  type: opt(z.enum(['Cookie', 'Header']), 'Where the session is kept.'),
  cookieConfig: opt(z.strictObject({ lifetimeType: opt(z.enum(['Permanent', 'Session']), 'Life of the cookie.') }), 'Settings of the cookie.'),
});

/** Proxies keep nothing of a session: all of it is in the client's cookie. */
export const IDLE_TIMEOUT = 'a session is not told how long nobody used it; write absoluteTimeout';

const RULES = {
  permanent: 'a Permanent cookie needs absoluteTimeout',
  timeout: 'only cookieConfig: { lifetimeType: Permanent } tells the client when the session ends',
  header: 'cookieConfig has no place beside type: Header',
  weights: 'which of several backends is called is drawn for each request: sessions hold within one of them',
} as const;

/** Gateway API's rules across the fields of sessions, and what proxies cannot do. */
export function sessionFindings(
  rule: {
    readonly sessionPersistence?: SessionPersistence | undefined;
    readonly backendRefs?: readonly { readonly weight: number }[] | undefined;
  },
  path: readonly (string | number)[],
): Finding[] {
  const { sessionPersistence: session, backendRefs } = rule;
  if (session === undefined) return [];
  const at = [...path, 'sessionPersistence'];
  const permanent = session.cookieConfig?.lifetimeType === 'Permanent';
  const findings: Finding[] = [];
  if (session.type === 'Header' && session.cookieConfig !== undefined) findings.push({ path: [...at, 'cookieConfig'], message: RULES.header });
  else if (permanent && session.absoluteTimeout === undefined) findings.push({ path: at, message: RULES.permanent });
  else if (!permanent && session.absoluteTimeout !== undefined) findings.push({ path: [...at, 'absoluteTimeout'], message: RULES.timeout });
  if ((backendRefs ?? []).filter(({ weight }) => weight > 0).length > 1) findings.push({ path: at, message: RULES.weights, severity: 'warning' });
  return findings;
}

/** What a filter of a given `type` must carry: the field of that name, and no other. */
export function filterFindings(
  filters: readonly Readonly<Record<string, unknown>>[] | undefined,
  fields: Readonly<Record<string, string>>,
  path: readonly (string | number)[],
): Finding[] {
  return (filters ?? []).flatMap((filter, index) => {
    const at = [...path, index];
    const wanted = fields[String(filter['type'])];
    const stray = Object.keys(filter).filter((key) => key !== 'type' && key !== wanted);
    return [
      ...(wanted !== undefined && filter[wanted] === undefined
        ? [{ path: at, message: `a filter of type ${String(filter['type'])} needs ${wanted}` }]
        : []),
      ...stray.map((key) => ({ path: [...at, key], message: `is not for a filter of type ${String(filter['type'])}` })),
    ];
  });
}

/** Filters that may stand once per rule. */
export function onceOnly(
  filters: readonly { readonly type: string }[] | undefined,
  repeatable: ReadonlySet<string>,
  path: readonly (string | number)[],
): Finding[] {
  return (filters ?? []).flatMap(({ type }, index) =>
    !repeatable.has(type) && (filters ?? []).findIndex((other) => other.type === type) < index
      ? [{ path: [...path, index, 'type'], message: `${type} stands twice; it may stand once` }]
      : [],
  );
}

/** A mirror takes one way to tell its share. */
export function mirrorFindings(mirror: z.output<typeof mirrorFilter> | undefined, path: readonly (string | number)[]): Finding[] {
  if (mirror === undefined) return [];
  const findings: Finding[] = [];
  if (mirror.percent !== undefined && mirror.fraction !== undefined)
    findings.push({ path, message: 'has percent and fraction; one of them is enough' });
  if (mirror.fraction !== undefined && mirror.fraction.numerator > mirror.fraction.denominator)
    findings.push({ path: [...path, 'fraction'], message: 'the numerator is larger than the denominator' });
  return findings;
}
