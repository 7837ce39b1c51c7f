import { MeshError } from '@meltemi/base';
import type { ProxyDefaults } from '@meltemi/model';
import { HttpError, json, type Route } from '@meltemi/http';
import { formatSpiffeId, isValidSpiffeId } from '@meltemi/pki';
import type { Authority } from './authority.ts';
import type { JoinTokens } from './join-tokens.ts';
import { membershipOf, type MembershipInputs } from './membership.ts';
import type { CompleteJoinRequest, JoinRequest, WorkloadAllocator } from './types.ts';

/** Namespace and account of the control plane itself: nobody may join as it. */
export const CONTROL_PLANE_ACCOUNT = { namespace: 'istio-system', serviceAccount: 'istiod' } as const;

const MAX_BODY_BYTES = 64 * 1024;
const MAX_PORTS = 64;
const MAX_LABELS = 64;
const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const LABEL_KEY = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,315}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

/** `POST /meltemi/v1/join` (admin token needed): an address and a single-use token for one workload. */
export function joinRoute(authority: Authority, tokens: JoinTokens, allocator: WorkloadAllocator, configuration: () => MembershipInputs): Route {
  return {
    method: 'POST',
    path: '/meltemi/v1/join',
    access: 'write',
    maxBodyBytes: MAX_BODY_BYTES,
    async handler(request) {
      const { request: wanted, probe, proxy } = membershipOf(readJoinRequest(await request.json(), request.localAddress), configuration());
      const id = { trustDomain: authority.trustDomain, namespace: wanted.namespace, serviceAccount: wanted.serviceAccount };
      if (!isValidSpiffeId(id))
        throw invalid('namespace, serviceAccount', `${wanted.namespace}/${wanted.serviceAccount}`, 'lower-case names as Kubernetes has them');
      if (id.namespace === CONTROL_PLANE_ACCOUNT.namespace && id.serviceAccount === CONTROL_PLANE_ACCOUNT.serviceAccount) {
        throw new HttpError(403, 'join/reserved', 'The account istio-system/istiod is the control plane itself; choose another service account.');
      }
      const allocation = await allocate(allocator, wanted);
      const joinToken = tokens.create(id);
      if (joinToken === undefined) throw new HttpError(503, 'join/too-many', 'Too many join tokens are waiting to be used; try again in a minute.');
      authority.audit({ action: 'join', identity: formatSpiffeId(id), remote: request.remoteAddress });
      return json(
        200,
        {
          joinToken,
          ...allocation,
          rootCertificate: authority.rootsPem(),
          trustDomain: authority.trustDomain,
          identity: { serviceAccount: wanted.serviceAccount, app: wanted.app, version: wanted.version, labels: wanted.labels },
          ports: wanted.ports,
          ...localityOf(wanted),
          proxy: proxyOf(proxy),
          ...(probe === undefined ? {} : { probe }),
        },
        { 'cache-control': 'no-store' },
      );
    },
  };
}

/** In the words of xDS, as the node will say it. */
function localityOf({ member }: CompleteJoinRequest): object {
  const { region = '', zone = '', subZone = '' } = member?.locality ?? {};
  if (region === '') return {};
  return { locality: { region, ...(zone === '' ? {} : { zone }), ...(subZone === '' ? {} : { sub_zone: subZone }) } };
}

/** Without what is not said. */
function proxyOf({ concurrency, environment, terminationDrainMs, drainMs }: ProxyDefaults): object {
  return {
    environment,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(terminationDrainMs === undefined ? {} : { terminationDrainMs }),
    ...(drainMs === undefined ? {} : { drainMs }),
  };
}

async function allocate(allocator: WorkloadAllocator, request: CompleteJoinRequest): Promise<Awaited<ReturnType<WorkloadAllocator['allocate']>>> {
  try {
    return await allocator.allocate(request);
  } catch (error) {
    const known = MeshError.from(error, 'join/failed');
    throw error instanceof HttpError ? error : new HttpError(503, known.code, known.message, { cause: error });
  }
}

function readJoinRequest(body: unknown, calledAddress: string): JoinRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('body', body, 'a JSON object');
  const fields = new Map<string, unknown>(Object.entries(body));
  const name = (key: string, fallback?: string): string => {
    const value = fields.get(key) ?? fallback;
    if (typeof value !== 'string' || !NAME.test(value)) throw invalid(key, value, 'a lower-case name of letters, digits, "-" and "."');
    return value;
  };
  const oneOf = <T extends string>(key: string, values: readonly T[], fallback: T): T => {
    const value = fields.get(key) ?? fallback;
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) throw invalid(key, value, values.join(' or '));
    return found;
  };
  const optional = <K extends 'serviceAccount' | 'group'>(key: K): Partial<Record<K, string>> =>
    fields.get(key) === undefined ? {} : ({ [key]: name(key) } as Record<K, string>);
  const namespace = name('namespace');
  const workload = name('workload');
  const labels = readLabels(fields.get('labels') ?? {});
  const app = readLabelValue('app', fields.get('app') ?? labels['app'] ?? workload);
  const version = readLabelValue('version', fields.get('version') ?? labels['version'] ?? '');
  return {
    type: oneOf('type', ['sidecar', 'router'], 'sidecar'),
    namespace,
    ...optional('serviceAccount'),
    ...optional('group'),
    workload,
    app,
    version,
    labels,
    ports: readPorts(fields.get('ports') ?? []),
    interception: oneOf('interception', ['netns', 'ports'], 'ports'),
    calledAddress,
  };
}

function readLabels(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('labels', value, 'an object of strings');
  const entries = Object.entries(value);
  if (entries.length > MAX_LABELS) throw invalid('labels', entries.length, `at most ${MAX_LABELS} labels`);
  return Object.fromEntries(
    entries.map(([key, text]) => {
      if (!LABEL_KEY.test(key)) throw invalid('labels', key, 'a label name as Kubernetes has them');
      return [key, readLabelValue(`labels.${key}`, text)];
    }),
  );
}

function readLabelValue(key: string, value: unknown): string {
  if (typeof value !== 'string' || !LABEL_VALUE.test(value)) throw invalid(key, value, 'a label value: at most 63 letters, digits, "-", "_" and "."');
  return value;
}

function readPorts(value: unknown): JoinRequest['ports'] {
  if (!Array.isArray(value) || value.length > MAX_PORTS) throw invalid('ports', value, `a list of at most ${MAX_PORTS} ports`);
  return value.map((port: unknown, index) => {
    const fields = new Map<string, unknown>(Object.entries(port ?? {}));
    const number = fields.get('number');
    const protocol = fields.get('protocol') ?? 'http';
    const portName = fields.get('name');
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > 65_535)
      throw invalid(`ports[${index}].number`, number, 'a port from 1 to 65535');
    if (typeof protocol !== 'string' || !/^[A-Za-z0-9-]{1,20}$/.test(protocol))
      throw invalid(`ports[${index}].protocol`, protocol, 'a protocol such as http or tcp');
    if (portName === undefined) return { number, protocol };
    if (typeof portName !== 'string' || !NAME.test(portName)) throw invalid(`ports[${index}].name`, portName, 'a lower-case name');
    return { number, protocol, name: portName };
  });
}

function invalid(field: string, value: unknown, expected: string): HttpError {
  return new HttpError(400, 'join/invalid', `"${field}" is ${JSON.stringify(value) ?? 'missing'}; expected ${expected}.`);
}
