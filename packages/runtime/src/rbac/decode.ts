import { decodeCidrs, decodeStringMatch } from '../decode/common.ts';
import { decodeExtension, type ExtensionTable } from '../decode/any.ts';
import { decodeMetadataMatch } from '../decode/metadata-match.ts';
import type { Reader } from '../decode/reader.ts';
import { decodeHeaderMatch } from '../decode/route-match.ts';
import type { RbacPolicy, RbacRule, RbacRules } from './types.ts';
import { templateRegex } from './uri-template.ts';

/** Nothing decodes to it that was without fault. */
const NEVER: RbacRule = { t: 'or', rules: [] };

/** The engine's two rule fields, under names that HTTP and network filter share. */
export function decodeRbacField(reader: Reader, field: 'rules' | 'shadow_rules'): RbacRules | undefined {
  const rules = reader.message(field);
  return rules === undefined ? undefined : decodeRules(rules);
}

function decodeRules(reader: Reader): RbacRules {
  const audit = reader.message('audit_logging_options');
  audit?.oneOf('audit_condition', { NONE: 'none' }, 'none');
  const policies = reader
    .entries('policies')
    .map(([name, policy]) => decodePolicy(name, policy))
    // Envoy tries them in the order of their names, and the first that matches is the one that is told of.
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { action: reader.oneOf<RbacRules['action']>('action', { ALLOW: 'allow', DENY: 'deny', LOG: 'log' }, 'allow'), policies };
}

function decodePolicy(name: string, reader: Reader): RbacPolicy {
  for (const field of ['condition', 'checked_condition'])
    reader.require(field, !reader.has(field), 'conditions in CEL are not supported by this proxy');
  reader.harmless('condition', 'checked_condition');
  const permissions = reader.messages('permissions').map(decodePermission);
  const principals = reader.messages('principals').map(decodePrincipal);
  reader.require('permissions', permissions.length > 0, 'needs at least one');
  reader.require('principals', principals.length > 0, 'needs at least one');
  return { name, permissions, principals };
}

type Decoder = (reader: Reader, field: string) => RbacRule;

const set =
  (member: string, t: 'and' | 'or', decode: (reader: Reader) => RbacRule): Decoder =>
  (reader, field) => {
    const inner = reader.message(field);
    const rules = inner?.messages(member).map(decode) ?? [];
    reader.require(field, rules.length > 0, 'needs at least one');
    return { t, rules };
  };

const not =
  (decode: (reader: Reader) => RbacRule): Decoder =>
  (reader, field) => {
    const inner = reader.message(field);
    return inner === undefined ? NEVER : { t: 'not', rule: decode(inner) };
  };

const any: Decoder = (reader, field) => {
  reader.require(field, reader.bool(field), 'must be true');
  return { t: 'any' };
};

const message =
  (decode: (reader: Reader) => RbacRule): Decoder =>
  (reader, field) => {
    const inner = reader.message(field);
    return inner === undefined ? NEVER : decode(inner);
  };

const header = message((reader) => ({ t: 'header', match: decodeHeaderMatch(reader) }));
const metadata = message((reader) => ({ t: 'metadata', match: decodeMetadataMatch(reader) }));
const urlPath = message((reader) => {
  const path = reader.message('path');
  if (path === undefined) reader.fail('path', 'missing');
  return path === undefined ? NEVER : { t: 'path', match: decodeStringMatch(path) };
});

const range = (t: 'destination-ip' | 'source-ip' | 'direct-remote-ip' | 'remote-ip'): Decoder =>
  message((reader) => {
    const [first] = decodeCidrs([reader]);
    return first === undefined ? NEVER : { t, range: first };
  });

const refused =
  (why: string): Decoder =>
  (reader, field) => {
    reader.message(field)?.ignoreRest();
    reader.fail(field, why);
    return NEVER;
  };

const TEMPLATES: ExtensionTable<RbacRule> = {
  'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig': (config) => {
    const template = config.string('path_template');
    const regex = templateRegex(template);
    if (regex.t === 'fault') config.fail('path_template', `"${template}": ${regex.message}`);
    return regex.t === 'fault' ? NEVER : { t: 'template', regex: regex.source };
  },
};

const PERMISSIONS: Readonly<Record<string, Decoder>> = {
  and_rules: set('rules', 'and', decodePermission),
  or_rules: set('rules', 'or', decodePermission),
  any,
  header,
  url_path: urlPath,
  destination_ip: range('destination-ip'),
  destination_port: (reader, field) => {
    const port = reader.number(field, 0);
    reader.require(field, port >= 0 && port <= 65_535, `${port} is no port`);
    return { t: 'destination-port', start: port, end: port + 1 };
  },
  destination_port_range: message((reader) => {
    const start = reader.number('start', 0);
    const end = reader.number('end', 0);
    reader.require('', start >= 0 && start < end && end <= 65_536, `${start} to ${end} is no range of ports`);
    return { t: 'destination-port', start, end };
  }),
  metadata,
  not_rule: not(decodePermission),
  requested_server_name: message((reader) => ({ t: 'server-name', match: decodeStringMatch(reader) })),
  uri_template: message((reader) => decodeExtension(reader, TEMPLATES) ?? NEVER),
  matcher: refused('permissions as extensions are not supported by this proxy'),
  sourced_metadata: refused('metadata of a named source is not supported by this proxy'),
};

const PRINCIPALS: Readonly<Record<string, Decoder>> = {
  and_ids: set('ids', 'and', decodePrincipal),
  or_ids: set('ids', 'or', decodePrincipal),
  any,
  authenticated: message((reader) => {
    const name = reader.message('principal_name');
    return name === undefined ? { t: 'authenticated' } : { t: 'authenticated', match: decodeStringMatch(name) };
  }),
  source_ip: range('source-ip'),
  direct_remote_ip: range('direct-remote-ip'),
  remote_ip: range('remote-ip'),
  header,
  url_path: urlPath,
  metadata,
  filter_state: refused('filter state is not supported by this proxy'),
  not_id: not(decodePrincipal),
  custom: refused('principals as extensions are not supported by this proxy'),
  sourced_metadata: refused('metadata of a named source is not supported by this proxy'),
};

function decodePermission(reader: Reader): RbacRule {
  return decodeOne(reader, PERMISSIONS);
}

function decodePrincipal(reader: Reader): RbacRule {
  return decodeOne(reader, PRINCIPALS);
}

function decodeOne(reader: Reader, table: Readonly<Record<string, Decoder>>): RbacRule {
  for (const [field, decode] of Object.entries(table)) if (reader.has(field)) return decode(reader, field);
  reader.fail('', `no condition is set; supported: ${Object.keys(table).join(', ')}`);
  return NEVER;
}
