import { configKey, type Config, type ReadinessProbe, type WorkloadGroup } from '@meltemi/api';
import { HttpError } from '@meltemi/http';
import { parseLocality, proxySettingsFor, type MeshConfig, type ProxyDefaults } from '@meltemi/model';
import type { CompleteJoinRequest, GroupMember, JoinRequest } from './types.ts';

/** What configuration says of a workload that joins. */
export interface Membership {
  /** With what its WorkloadGroup says: labels, ports, account. */
  readonly request: CompleteJoinRequest;
  /** The probe of its group. */
  readonly probe?: ReadinessProbe;
  /** How its proxy is started. */
  readonly proxy: ProxyDefaults;
}

/** Objects and settings as they are when a workload joins; later changes of them are for workloads that join later. */
export interface MembershipInputs {
  readonly configs: readonly Config[];
  readonly mesh: MeshConfig;
}

/** Completes a join request by the configuration of the mesh. Throws HttpError `join/no-group`, `join/other-account`. */
export function membershipOf(wanted: JoinRequest, { configs, mesh }: MembershipInputs): Membership {
  const { group: name, ...alone } = wanted;
  const group = name === undefined ? undefined : groupOf(name, wanted.namespace, configs);
  const request = group === undefined ? { ...alone, serviceAccount: alone.serviceAccount ?? 'default' } : memberOf(wanted, group);
  const labels = { app: request.app, version: request.version, ...request.labels };
  const proxy = proxySettingsFor(configs, mesh, { namespace: request.namespace, labels });
  return { request, proxy, ...(group?.spec.probe === undefined ? {} : { probe: group.spec.probe }) };
}

function groupOf(name: string, namespace: string, configs: readonly Config[]): Config<WorkloadGroup> {
  const key = configKey({ kind: 'WorkloadGroup', meta: { namespace, name } });
  const found = configs.find((config) => config.kind === 'WorkloadGroup' && configKey(config) === key);
  if (found === undefined)
    throw new HttpError(
      404,
      'join/no-group',
      `There is no WorkloadGroup "${name}" in namespace "${namespace}"; apply it first, or name another with --group.`,
    );
  return found as Config<WorkloadGroup>;
}

/** What the group says counts for all of its members; what a member says besides is its own. */
function memberOf(wanted: JoinRequest, { meta, spec }: Config<WorkloadGroup>): CompleteJoinRequest {
  const { template } = spec;
  const labels = { ...wanted.labels, ...template.labels, ...spec.metadata?.labels };
  const member: GroupMember = {
    name: meta.name,
    annotations: spec.metadata?.annotations ?? {},
    portMap: template.ports ?? {},
    locality: parseLocality(template.locality ?? ''),
    weight: Math.max(1, template.weight ?? 1),
  };
  return {
    ...wanted,
    labels,
    app: labels['app'] ?? wanted.app,
    version: labels['version'] ?? wanted.version,
    serviceAccount: accountOf(wanted, template.serviceAccount),
    ports:
      wanted.ports.length > 0 ? wanted.ports : Object.entries(member.portMap).map(([name, number]) => ({ number, protocol: protocolOf(name), name })),
    member,
  };
}

function accountOf(wanted: JoinRequest, ofGroup: string | undefined): string {
  const account = ofGroup === undefined || ofGroup === '' ? 'default' : ofGroup;
  if (wanted.serviceAccount === undefined || wanted.serviceAccount === account) return account;
  throw new HttpError(
    409,
    'join/other-account',
    `Members of the WorkloadGroup run as "${account}", not as "${wanted.serviceAccount}"; leave the service account out, or change the group.`,
  );
}

/** Port names begin with their protocol. */
function protocolOf(name: string): string {
  return name.startsWith('grpc-web') ? 'grpc-web' : (name.split('-')[0] ?? 'tcp');
}
