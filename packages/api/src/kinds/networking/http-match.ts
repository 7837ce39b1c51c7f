import { z } from 'zod';
import { gatewayRef, labels, opt, portNumber, regex, text } from '../../schema/fields.ts';
import { dnsLabelFault } from '../../schema/formats.ts';
import { oneOf } from '../../schema/one-of.ts';

const matchFields = {
  exact: opt(z.string(), 'The whole value, as it is.'),
  prefix: opt(
    text((value) => (value === '' ? 'an empty prefix matches everything; leave the match out instead' : undefined)),
    'The value begins with this text.',
  ),
  regex: opt(regex, 'RE2 regular expression that must match the whole value.'),
};

/** A match of one text; a form must be chosen. */
export const stringMatch = oneOf(z.strictObject(matchFields), ['exact', 'prefix', 'regex'], { required: true });
/** As `stringMatch`; `{}` means: is there, with any value. */
const presenceMatch = oneOf(z.strictObject(matchFields), ['exact', 'prefix', 'regex']);

const namespaceName = text(dnsLabelFault);
// Keys are compared in small letters by the proxies; Istio refuses capitals in a match, so that what is written is what is matched.
const matchHeaderName = text((value) => {
  if (value === '') return 'a header name must not be empty';
  return value === value.toLowerCase() ? undefined : `"${value}" must be written in small letters`;
});

export const httpMatch = z.strictObject({
  name: opt(z.string(), 'Name of the match, joined to the name of the route in logs.'),
  uri: opt(stringMatch, 'The path. A prefix is a prefix of the text: /foo matches /foobar too.'),
  scheme: opt(stringMatch, 'http or https.'),
  method: opt(stringMatch, 'HTTP method.'),
  authority: opt(stringMatch, 'Host and port as the client sent them.'),
  headers: opt(z.record(matchHeaderName, presenceMatch), 'Headers, by name in small letters; {} asks only for presence.'),
  port: opt(portNumber, 'Port of the host that is called; chosen when configuration is made, not per request.'),
  sourceLabels: opt(labels, 'Only for calls by workloads with these labels.'),
  gateways: opt(z.array(gatewayRef), 'Only on these gateways; replaces the gateways of the whole object.'),
  queryParams: opt(z.record(z.string(), presenceMatch), 'Query parameters, by name; {} asks only for presence.'),
  ignoreUriCase: opt(z.boolean(), 'Compare exact and prefix of uri without regard to case.'),
  withoutHeaders: opt(z.record(matchHeaderName, presenceMatch), 'Headers that must not match.'),
  sourceNamespace: opt(namespaceName, 'Only for calls by workloads of this namespace.'),
  statPrefix: opt(z.string(), 'Prefix of statistics of this route.'),
});

export const l4Match = z.strictObject({
  destinationSubnets: opt(z.array(z.string()), 'IP ranges of the destination.'),
  port: opt(portNumber, 'Port of the host that is called.'),
  sourceSubnet: opt(z.string(), 'IP range of the source. Istio does not implement it.'),
  sourceLabels: opt(labels, 'Only for connections by workloads with these labels.'),
  gateways: opt(z.array(gatewayRef), 'Only on these gateways.'),
  sourceNamespace: opt(namespaceName, 'Only for connections by workloads of this namespace.'),
});

export const tlsMatch = z.strictObject({
  sniHosts: z.array(z.string()).min(1).describe('Server names of the TLS handshake.'),
  destinationSubnets: opt(z.array(z.string()), 'IP ranges of the destination.'),
  port: opt(portNumber, 'Port of the host that is called.'),
  sourceLabels: opt(labels, 'Only for connections by workloads with these labels.'),
  gateways: opt(z.array(gatewayRef), 'Only on these gateways.'),
  sourceNamespace: opt(namespaceName, 'Only for connections by workloads of this namespace.'),
});
