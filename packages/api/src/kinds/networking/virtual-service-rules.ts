import { utf8Length } from '@meltemi/base';
import { substitutionFault } from '@meltemi/match';
import { durationMs } from '../../duration.ts';
import type { Finding } from '../../kind.ts';
import { base64Utf8 } from '../../schema/base64.ts';
import { addressFault, isIp } from '../../schema/formats.ts';
import { claimName } from './claims.ts';
import { hostOverlaps } from './host-overlaps.ts';
import type { HttpMatchRequest, HttpRoute, VirtualService } from './virtual-service.ts';

const ACTIONS = ['route', 'redirect', 'directResponse', 'delegate'] as const;
const BODY_LIMIT = 1_048_576;
const BODY_WARNING = 102_400;

/** Istio's rules across the fields of a VirtualService. */
export function validateVirtualService(spec: VirtualService): Finding[] {
  const findings = [...hostRules(spec)];
  if ([spec.http, spec.tls, spec.tcp].every((routes) => routes === undefined || routes.length === 0)) {
    findings.push({ path: [], message: 'a VirtualService needs at least one of http, tls and tcp' });
  }
  if (spec.hosts.length === 0) findings.push(...delegateRules(spec));
  spec.http?.forEach((route, index) => findings.push(...httpRules(route, ['http', index])));
  spec.tcp?.forEach((route, index) => {
    if (route.route === undefined) findings.push({ path: ['tcp', index], message: 'a tcp route needs route' });
    findings.push(...weightRules(route.route ?? [], ['tcp', index, 'route']), ...subnetRules(route.match ?? [], ['tcp', index, 'match']));
  });
  spec.tls?.forEach((route, index) => {
    if (route.route === undefined) findings.push({ path: ['tls', index], message: 'a tls route needs route' });
    findings.push(...weightRules(route.route ?? [], ['tls', index, 'route']), ...subnetRules(route.match, ['tls', index, 'match']));
    route.match.forEach((match, at) => findings.push(...sniRules(match.sniHosts, spec.hosts, ['tls', index, 'match', at, 'sniHosts'])));
  });
  return findings;
}

function hostRules(spec: VirtualService): Finding[] {
  const findings: Finding[] = [];
  const mesh = spec.gateways.includes('mesh');
  spec.hosts.forEach((host, index) => {
    const path = ['hosts', index];
    if (mesh && host === '*')
      findings.push({
        path,
        message: '"*" is not allowed for the mesh gateway: it would take all traffic of all sidecars',
        fix: 'Name the hosts, or list only gateways under gateways.',
      });
    if (mesh && isIp(host)) findings.push({ path, message: `"${host}" is an IP address; those are allowed for gateways only` });
  });
  return [...findings, ...hostOverlaps(spec.hosts, mesh)];
}

/** An object without hosts is a delegate: others bring hosts and gateways. */
function delegateRules(spec: VirtualService): Finding[] {
  const findings: Finding[] = [];
  if (spec.gateways.some((gateway) => gateway !== 'mesh'))
    findings.push({
      path: ['gateways'],
      message: 'without hosts this is a delegate, and its gateways are those of the VirtualService that names it',
    });
  for (const field of ['tls', 'tcp'] as const) {
    if (spec[field] !== undefined)
      findings.push({ path: [field], message: `without hosts this is a delegate, and only http can be delegated`, fix: 'Add hosts.' });
  }
  spec.http?.forEach((route, index) => {
    if (route.delegate !== undefined)
      findings.push({ path: ['http', index, 'delegate'], message: 'a delegate (a VirtualService without hosts) cannot delegate again' });
  });
  return findings;
}

function httpRules(route: HttpRoute, path: readonly (string | number)[]): Finding[] {
  const findings = [
    ...actionRules(route, path),
    ...weightRules(route.route ?? [], [...path, 'route']),
    ...redirectRules(route, path),
    ...rewriteRules(route, path),
    ...bodyRules(route, path),
    ...faultRules(route.fault, [...path, 'fault']),
  ];
  findings.push(...mirrorRules(route, path), ...corsRules(route.corsPolicy, [...path, 'corsPolicy']));
  if (route.delegate !== undefined && (route.delegate.name ?? '') === '')
    findings.push({ path: [...path, 'delegate'], message: 'delegate needs the name of a VirtualService' });
  route.match?.forEach((match, index) => findings.push(...matchRules(match, [...path, 'match', index])));
  return findings;
}

function actionRules(route: HttpRoute, path: readonly (string | number)[]): Finding[] {
  const findings: Finding[] = [];
  const actions = ACTIONS.filter((action) => route[action] !== undefined);
  if (actions.length === 0)
    findings.push({ path, message: 'an http route needs one of route, redirect, directResponse and delegate', fix: 'Add route with a destination.' });
  if (actions.length > 1) findings.push({ path, message: `an http route has exactly one action; this one has ${actions.join(' and ')}` });
  return [...findings, ...besideRules(route, path)];
}

/** Fields that have no place or effect beside a redirect or a direct response. */
function besideRules(route: HttpRoute, path: readonly (string | number)[]): Finding[] {
  const findings: Finding[] = [];
  const excluded = route.redirect !== undefined ? 'redirect' : route.directResponse !== undefined ? 'directResponse' : undefined;
  for (const field of ['rewrite', 'fault', 'mirror', 'mirrors', 'retries', 'timeout'] as const) {
    const harmless = field === 'timeout' || field === 'retries';
    if (excluded === undefined || route[field] === undefined || (excluded === 'directResponse' && field === 'fault')) continue;
    findings.push({
      path: [...path, field],
      message: `${field} has no ${harmless ? 'effect' : 'place'} beside ${excluded}`,
      severity: harmless ? 'warning' : 'error',
    });
  }
  return findings;
}

const MIRROR_SHARES = ['mirrorPercentage', 'mirrorPercent', 'mirror_percent'] as const;

function mirrorRules(route: HttpRoute, path: readonly (string | number)[]): Finding[] {
  const findings: Finding[] = [];
  if (route.mirror !== undefined && route.mirrors !== undefined)
    findings.push({ path: [...path, 'mirrors'], message: 'only one of mirror and mirrors may be set' });
  for (const field of MIRROR_SHARES) {
    const share = route[field];
    if (share === undefined) continue;
    if (typeof share === 'number' && share > 100) findings.push({ path: [...path, field], message: `${share} is more than 100 percent` });
    // A rule that delegates lends it to the rules of its delegate.
    if (route.mirror === undefined && route.delegate === undefined)
      findings.push({ path: [...path, field], message: `${field} has no effect without mirror`, severity: 'warning' });
  }
  return findings;
}

function corsRules(cors: HttpRoute['corsPolicy'], path: readonly (string | number)[]): Finding[] {
  if (cors === undefined) return [];
  const findings: Finding[] = [];
  const ms = cors.maxAge === undefined ? undefined : durationMs(cors.maxAge);
  if (ms !== undefined && ms % 1000 !== 0) findings.push({ path: [...path, 'maxAge'], message: `"${cors.maxAge}" is not in whole seconds` });
  if (cors.allowOrigin !== undefined) {
    findings.push({
      path: [...path, 'allowOrigin'],
      message: cors.allowOrigins === undefined ? 'allowOrigin is deprecated' : 'allowOrigin has no effect beside allowOrigins',
      fix: 'Write allowOrigins: [{ exact: … }].',
      severity: 'warning',
    });
  }
  return findings;
}

function faultRules(fault: HttpRoute['fault'], path: readonly (string | number)[]): Finding[] {
  if (fault === undefined) return [];
  if (fault.delay === undefined && fault.abort === undefined) return [{ path, message: 'fault needs delay or abort' }];
  return (['delay', 'abort'] as const).flatMap((part) => {
    const one = fault[part];
    if (one !== undefined && 'percent' in one && one.percent !== undefined && (one.percent < 0 || one.percent > 100))
      return [{ path: [...path, part, 'percent'], message: `${one.percent} is not a percentage from 0 to 100` }];
    if (one === undefined || one.percentage !== undefined || 'percent' in one) return [];
    return [
      {
        path: [...path, part],
        message: `without percentage, no request is hit by this ${part}`,
        fix: 'Add percentage: { value: 100 }.',
        severity: 'warning' as const,
      },
    ];
  });
}

function matchRules(match: HttpMatchRequest, path: readonly (string | number)[]): Finding[] {
  const findings: Finding[] = [];
  for (const field of ['headers', 'withoutHeaders'] as const) {
    for (const name of Object.keys(match[field] ?? {})) {
      const claim = claimName(name);
      if (claim.t === 'wrong') {
        findings.push({ path: [...path, field, name], message: `"${name}": ${claim.why}` });
      } else if (['uri', 'scheme', 'method', 'authority'].includes(name)) {
        findings.push({
          path: [...path, field, name],
          message: `Istio ignores the header "${name}" here`,
          fix: `Match ${name} in its own field.`,
          severity: 'warning',
        });
      }
    }
  }
  return findings;
}

function weightRules(destinations: readonly { readonly weight?: number }[], path: readonly (string | number)[]): Finding[] {
  // A single destination takes everything, whatever its weight.
  if (destinations.length < 2) return [];
  const total = destinations.reduce((sum, destination) => sum + (destination.weight ?? 0), 0);
  if (total === 0)
    return [
      {
        path,
        message: 'the weights of several destinations are all 0: no destination would get traffic',
        fix: 'Give at least one destination a weight.',
      },
    ];
  if (total > 4_294_967_295) return [{ path, message: `the weights sum to ${total}; the limit is 4294967295` }];
  return destinations.flatMap((destination, index) =>
    destination.weight === undefined
      ? [
          {
            path: [...path, index],
            message: 'without weight, this destination gets no traffic: the others have weights',
            fix: 'Add weight beside destination.',
            severity: 'warning' as const,
          },
        ]
      : [],
  );
}

function redirectRules(route: HttpRoute, path: readonly (string | number)[]): Finding[] {
  const redirect = route.redirect;
  if (redirect === undefined) return [];
  const findings: Finding[] = [];
  const at = [...path, 'redirect'];
  if (Object.keys(redirect).length === 0) findings.push({ path: at, message: 'redirect needs at least one field' });
  if (redirect.redirectCode !== undefined && ![301, 302, 303, 307, 308].includes(redirect.redirectCode)) {
    findings.push({ path: [...at, 'redirectCode'], message: `${redirect.redirectCode} is not a redirect: 301, 302, 303, 307 or 308` });
  }
  if (redirect.scheme !== undefined && !['http', 'https'].includes(redirect.scheme.toLowerCase()))
    findings.push({ path: [...at, 'scheme'], message: `"${redirect.scheme}" is neither http nor https` });
  if (redirect.prefixRewrite !== undefined) {
    if (redirect.uri !== undefined) findings.push({ path: [...at, 'prefixRewrite'], message: 'only one of uri and prefixRewrite may be set' });
    const prefixes = route.match !== undefined && route.match.length > 0 && route.match.every((match) => match.uri?.prefix !== undefined);
    if (!prefixes) findings.push({ path: [...at, 'prefixRewrite'], message: 'prefixRewrite needs a uri prefix in every match' });
  }
  return findings;
}

function rewriteRules(route: HttpRoute, path: readonly (string | number)[]): Finding[] {
  const rewrite = route.rewrite;
  if (rewrite === undefined) return [];
  const at = [...path, 'rewrite'];
  if (Object.keys(rewrite).length === 0) return [{ path: at, message: 'rewrite needs at least one of uri, authority and uriRegexRewrite' }];
  const regex = rewrite.uriRegexRewrite;
  const fault = regex === undefined ? undefined : substitutionFault(regex.match, regex.rewrite);
  return fault === undefined ? [] : [{ path: [...at, 'uriRegexRewrite', 'rewrite'], message: fault }];
}

function bodyRules(route: HttpRoute, path: readonly (string | number)[]): Finding[] {
  const body = route.directResponse?.body;
  const text = body?.string ?? (body?.bytes === undefined ? '' : base64Utf8(body.bytes));
  const at = [...path, 'directResponse', 'body'];
  // One such route would hold up all others of its table.
  if (text === undefined) return [{ path: [...at, 'bytes'], message: 'is no text in UTF-8, and other bytes are not sent by proxies themselves' }];
  const size = utf8Length(text);
  if (size > BODY_LIMIT) return [{ path: at, message: `is ${Math.round(size)} bytes long; the limit is 1 MB` }];
  return size >= BODY_WARNING ? [{ path: at, message: `is ${Math.round(size)} bytes long and is kept in every proxy`, severity: 'warning' }] : [];
}

function subnetRules(matches: readonly { readonly destinationSubnets?: readonly string[] }[], path: readonly (string | number)[]): Finding[] {
  return matches.flatMap((match, index) =>
    (match.destinationSubnets ?? []).flatMap((subnet, at) => {
      const fault = addressFault(subnet, { cidr: true });
      return fault === undefined ? [] : [{ path: [...path, index, 'destinationSubnets', at], message: fault }];
    }),
  );
}

const SHOWN = 5;

function someOf(hosts: readonly string[]): string {
  return hosts.length <= SHOWN ? hosts.join(', ') : `${hosts.slice(0, SHOWN).join(', ')} and ${hosts.length - SHOWN} more`;
}

function sniRules(sniHosts: readonly string[], hosts: readonly string[], path: readonly (string | number)[]): Finding[] {
  const names = new Set(hosts);
  const wildcards = hosts.filter((host) => host.startsWith('*'));
  return sniHosts.flatMap((sni, index) =>
    names.has(sni) || wildcards.some((host) => sni.endsWith(host.slice(1)))
      ? []
      : [{ path: [...path, index], message: `"${sni}" is not among the hosts of this object (${someOf(hosts)})` }],
  );
}
