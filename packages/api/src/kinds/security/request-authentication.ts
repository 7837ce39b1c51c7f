import { z } from 'zod';
import type { DeepReadonly } from '../../config.ts';
import { defineKind, type Finding } from '../../kind.ts';
import { controlFault, headerNameFault } from '../../schema/formats.ts';
import { durationMin1ms, nonEmpty, opt, req, text, workloadSelectorMatchLabels } from '../../schema/fields.ts';
import { oneOf } from '../../schema/one-of.ts';
import { keySetFindings } from './key-set.ts';

const shownText = text((value) => (value === '' ? 'must not be empty' : controlFault(value)));
const headerName = text((value) => headerNameFault(value));
/** Of headers that claims are written to, Istio takes these letters only. */
const claimHeader = text((value) =>
  /^[A-Za-z0-9_-]+$/.test(value) ? undefined : `"${value}" is no name for such a header: letters, digits, "-" and "_" only`,
);
/** `http://host[:port]/path`, as far as it can be told without asking anybody. */
const ADDRESS = /^https?:\/\/[^\s/?#@]+(?:[/?][^\s#]*)?$/i;
const address = text((value) => (ADDRESS.test(value) ? undefined : `"${value}" is no address of the form https://HOST/PATH`));

const jwtRule = oneOf(
  z.strictObject({
    issuer: opt(shownText, 'Who made the token: its claim `iss`. Left out: anybody who has the keys.'),
    audiences: opt(z.array(shownText), 'For whom the token may be made (claim `aud`); left out: for anybody.'),
    jwksUri: opt(
      address,
      'Where the keys of the issuer are; the control plane fetches them. Without this and jwks, the address is asked of the issuer (OpenID Connect Discovery).',
    ),
    jwks: opt(nonEmpty, 'The public keys of the issuer themselves (JSON, RFC 7517).'),
    fromHeaders: opt(
      z.array(
        z.strictObject({
          name: req(headerName, 'Name of the header.'),
          prefix: opt(text(controlFault), 'What stands before the token, for example "Bearer " with its space.'),
        }),
      ),
      'Headers that hold the token. Without any place of its own: "Authorization: Bearer", then the query parameter access_token.',
    ),
    fromParams: opt(z.array(shownText), 'Query parameters that hold the token.'),
    fromCookies: opt(z.array(shownText), 'Cookies that hold the token.'),
    outputPayloadToHeader: opt(headerName, 'Header that tells the application the claims: base64url of their JSON.'),
    outputClaimToHeaders: opt(
      z.array(
        z.strictObject({
          header: req(claimHeader, 'Name of the header.'),
          claim: req(shownText, 'Name of the claim; one inside another by a path with dots.'),
        }),
      ),
      'Headers that tell the application single claims.',
    ),
    forwardOriginalToken: opt(z.boolean(), 'Leave the token in the request; default false.'),
    spaceDelimitedClaims: opt(z.array(shownText), 'Claims that hold several words, besides scope and permission.'),
    timeout: opt(durationMin1ms, 'How long a fetch of the keys may take; default 5s, and never longer than 1m.'),
  }),
  ['jwks', 'jwksUri'],
);

const requestAuthenticationSchema = oneOf(
  z.strictObject({
    selector: opt(workloadSelectorMatchLabels, 'Workloads the policy is for; left out: the namespace, or the whole mesh in the root namespace.'),
    targetRefs: opt(
      z
        .array(
          z.strictObject({
            group: opt(z.string(), 'gateway.networking.k8s.io.'),
            kind: req(nonEmpty, 'Gateway.'),
            name: req(nonEmpty, 'Name of the Gateway.'),
            namespace: opt(z.string(), 'A target is of the own namespace: it may only be empty.'),
          }),
        )
        .max(16),
      'Gateways of the Kubernetes Gateway API that the policy is for.',
    ),
    targetRef: opt(z.strictObject({ group: opt(z.string(), ''), kind: req(z.string(), ''), name: req(z.string(), '') }), 'One target.'),
    jwtRules: opt(z.array(jwtRule).max(4096), 'Whose tokens are taken. A request without a token passes; one with a bad token is refused (401).'),
  }),
  ['selector', 'targetRefs'],
);

/** Spec of a RequestAuthentication: whose tokens are taken, and what is done with them. */
export type RequestAuthentication = DeepReadonly<z.output<typeof requestAuthenticationSchema>>;
export type JwtRule = NonNullable<RequestAuthentication['jwtRules']>[number];

/** The kind RequestAuthentication. */
export const requestAuthenticationKind = defineKind({
  gvk: { group: 'security.istio.io', versions: ['v1', 'v1beta1'], kind: 'RequestAuthentication' },
  plural: 'requestauthentications',
  shortNames: ['ra'],
  schema: requestAuthenticationSchema,
  specOptional: true,
  unsupported: { targetRef: 'write targetRefs, a list' },
  validate(spec) {
    return [...targetRules(spec), ...(spec.jwtRules ?? []).flatMap((rule, index) => ruleFindings(rule, ['jwtRules', index]))];
  },
  docs: 'Whose tokens (JSON Web Tokens) workloads take: a bad one is refused, of a good one the claims can be routed by.',
});

function targetRules({ targetRefs = [], jwtRules = [] }: RequestAuthentication): readonly Finding[] {
  const findings: Finding[] = [];
  targetRefs.forEach((ref, index) => {
    if (ref.kind !== 'Gateway' || ref.group !== 'gateway.networking.k8s.io')
      findings.push({
        path: ['targetRefs', index],
        message: `${ref.kind} cannot be a target: only Gateways of gateway.networking.k8s.io, as there are no waypoints`,
        fix: 'Select the workloads themselves, by selector.',
      });
    if ((ref.namespace ?? '') !== '') findings.push({ path: ['targetRefs', index, 'namespace'], message: 'a target is always of the own namespace' });
  });
  if (jwtRules.length === 0)
    findings.push({ path: ['jwtRules'], message: 'without rules no token is looked at', fix: 'Add a rule.', severity: 'warning' });
  return findings;
}

type At = readonly (string | number)[];

function ruleFindings(rule: JwtRule, at: At): readonly Finding[] {
  const findings: Finding[] = [...issuerFindings(rule, at)];
  if (rule.jwks !== undefined) findings.push(...keySetFindings(rule.jwks).map((finding) => ({ path: [...at, 'jwks'], ...finding })));
  const seen = new Set<string>();
  rule.outputClaimToHeaders?.forEach(({ header }, index) => {
    const name = header.toLowerCase();
    if (seen.has(name)) findings.push({ path: [...at, 'outputClaimToHeaders', index, 'header'], message: `"${header}" is written to already` });
    seen.add(name);
  });
  return findings;
}

/** Without keys, the issuer is asked for them: it must have an address then. */
function issuerFindings({ issuer, jwks, jwksUri }: JwtRule, at: At): readonly Finding[] {
  if (jwks !== undefined || jwksUri !== undefined) return [];
  if (issuer === undefined) return [{ path: at, message: 'neither issuer nor keys are said', fix: 'Add issuer, and jwksUri or jwks.' }];
  if (ADDRESS.test(issuer)) return [];
  return [
    {
      path: [...at, 'issuer'],
      message: `"${issuer}" is no address that keys could be asked of`,
      fix: 'Add jwksUri (where the keys are) or jwks (the keys themselves).',
    },
  ];
}
