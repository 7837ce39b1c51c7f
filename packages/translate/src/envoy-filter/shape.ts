import { TYPE_URL } from '@meltemi/protos-types';
import { isMap, type Json, type JsonMap } from './merge.ts';

/** Why a changed resource cannot be handled at all, whatever a proxy says of it; undefined: what is read of it here has the form that it must have. */
export function shapeFault(typeUrl: string, resource: JsonMap): string | undefined {
  if (!isName(resource['name'])) return 'name is not a text';
  if (typeUrl === TYPE_URL.listener) return listFault(resource, 'filter_chains', chainFault);
  return typeUrl === TYPE_URL.route ? listFault(resource, 'virtual_hosts', hostFault) : undefined;
}

function isName(value: Json | undefined): boolean {
  return typeof value === 'string' && value !== '';
}

function listFault(message: JsonMap, field: string, faultOf: (entry: JsonMap) => string | undefined): string | undefined {
  const list = message[field] ?? [];
  if (!Array.isArray(list)) return `${field} is not a list of messages`;
  for (const entry of list as readonly Json[]) {
    const fault = isMap(entry) ? faultOf(entry) : 'holds what is no message';
    if (fault !== undefined) return isMap(entry) ? `${field}[].${fault}` : `${field} ${fault}`;
  }
  return undefined;
}

function chainFault(chain: JsonMap): string | undefined {
  return listFault(chain, 'filters', ({ typed_config: config = {} }) => {
    if (!isMap(config)) return 'typed_config is not a message';
    const { rds = {} } = config;
    if (!isMap(rds)) return 'typed_config.rds is not a message';
    const { route_config_name: name = '' } = rds;
    return typeof name === 'string' ? undefined : 'typed_config.rds.route_config_name is not a text';
  });
}

function hostFault(host: JsonMap): string | undefined {
  return isName(host['name']) ? undefined : 'name is not a text';
}
