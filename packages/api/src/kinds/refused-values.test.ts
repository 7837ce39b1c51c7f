/** Values that a proxy refuses: with one of them all that stands in the same table, listener or cluster would not come into force, also what others wrote. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml } from '../index.ts';

const ISTIO = 'networking.istio.io/v1';
const GATEWAY_API = 'gateway.networking.k8s.io/v1';
const object = (apiVersion: string, kind: string, spec: string): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: x, namespace: shop }\nspec: ${spec}\n`;
const server = (tls: string): string =>
  object(
    ISTIO,
    'Gateway',
    `{ servers: [{ port: { number: 443, name: a, protocol: HTTPS }, hosts: ["*"], tls: { mode: MUTUAL, credentialName: a, ${tls} } }] }`,
  );
const plain = (port: number): string =>
  object(ISTIO, 'Gateway', `{ servers: [{ port: { number: ${port}, name: a, protocol: HTTP }, hosts: ["*"] }] }`);
const ingress = (port: string, tls: string): string =>
  object(
    ISTIO,
    'Sidecar',
    `{ workloadSelector: { labels: { app: x } }, ingress: [{ port: { number: ${port}, name: a, protocol: HTTPS }, tls: { mode: SIMPLE, serverCertificate: /a, privateKey: /b, ${tls} } }] }`,
  );
const listener = (options: string): string =>
  object(
    GATEWAY_API,
    'Gateway',
    `{ gatewayClassName: istio, listeners: [{ name: a, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: a }], options: ${options} } }] }`,
  );
const rule = (text: string): string => object(GATEWAY_API, 'HTTPRoute', `{ rules: [{ ${text} }] }`);
const filter = (type: string, field: string, value: string): string => rule(`filters: [{ type: ${type}, ${field}: ${value} }]`);
const modifier = (value: string): string => filter('RequestHeaderModifier', 'requestHeaderModifier', value);
const route = (text: string): string => object(ISTIO, 'VirtualService', `{ hosts: [x], http: [{ ${text}, route: [{ destination: { host: x } }] }] }`);
const policy = (text: string): string => object(ISTIO, 'DestinationRule', `{ host: x, trafficPolicy: ${text} }`);
const endpoint = (text: string): string =>
  object(
    ISTIO,
    'ServiceEntry',
    `{ hosts: [a.example], resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP }], endpoints: [${text}] }`,
  );
const BREAK = '"/a\\r\\nb"';

const REFUSED: Readonly<Record<string, string>> = {
  'a cipher suite that nobody knows': server('cipherSuites: [best]'),
  '…in a listener of the Gateway API': listener('{ gateway.istio.io/tls-cipher-suites: "AES128-SHA, best" }'),
  'a way to end TLS that nobody knows': listener('{ gateway.istio.io/tls-terminate-mode: Mutual }'),
  'versions of TLS that leave none': server('minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2'),
  '…at the port of a workload': ingress('9443', 'minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2'),
  ...Object.fromEntries([15000, 15020, 15021, 15053, 15090].map((port) => [`a gateway at the proxy's own port ${port}`, plain(port)])),
  ...Object.fromEntries(['15001', '15006', '15021'].map((port) => [`a workload at the sidecar's port ${port}`, ingress(port, '')])),
  'a hash of a key': server('verifyCertificateSpki: [x]'),
  'a hash of a certificate': server('verifyCertificateHash: [x]'),
  'Host removed': modifier('{ remove: [Host] }'),
  'a pseudo header removed': modifier('{ remove: [":path"] }'),
  'a second Host': modifier('{ add: [{ name: Host, value: a }] }'),
  'Host of a response': filter('ResponseHeaderModifier', 'responseHeaderModifier', '{ set: [{ name: Host, value: a }] }'),
  'a line break in a header': modifier(`{ set: [{ name: a, value: ${BREAK} }] }`),
  'a line break in a path': filter('URLRewrite', 'urlRewrite', `{ path: { type: ReplaceFullPath, replaceFullPath: ${BREAK} } }`),
  'a line break in a redirect': filter('RequestRedirect', 'requestRedirect', `{ path: { type: ReplacePrefixMatch, replacePrefixMatch: ${BREAK} } }`),
  'a line break in a list of headers': filter('CORS', 'cors', `{ allowHeaders: [${BREAK}] }`),
  'a query in a path': rule('matches: [{ path: { value: "/a?b" } }]'),
  'a second Host of a VirtualService': route('headers: { request: { add: { Host: a } } }'),
  'a line break in an authority': route(`rewrite: { authority: ${BREAK} }`),
  'a line break in a rewrite': route(`rewrite: { uri: ${BREAK} }`),
  'a body that is no text': object(ISTIO, 'VirtualService', '{ hosts: [x], http: [{ directResponse: { status: 200, body: { bytes: /w== } } }] }'),
  'a body of more bytes than letters': object(
    ISTIO,
    'VirtualService',
    `{ hosts: [x], http: [{ directResponse: { status: 200, body: { string: ${'ä'.repeat(600_000)} } } }] }`,
  ),
  'a line break in CORS': route(`corsPolicy: { exposeHeaders: [${BREAK}] }`),
  'a line break in a Location': object(ISTIO, 'VirtualService', `{ hosts: [x], http: [{ redirect: { uri: ${BREAK} } }] }`),
  'a ring beyond Envoy': policy('{ loadBalancer: { consistentHash: { useSourceIp: true, ringHash: { minimumRingSize: 8388609 } } } }'),
  'a line break in a cookie': policy(`{ loadBalancer: { consistentHash: { httpCookie: { name: a, ttl: 1s, path: ${BREAK} } } } }`),
  'a second cookie in one': policy(
    '{ loadBalancer: { consistentHash: { httpCookie: { name: a, ttl: 1s, attributes: [{ name: x, value: "1; Domain=b" }] } } } }',
  ),
  'a server name beyond TLS': policy(`{ tls: { mode: SIMPLE, sni: ${'a'.repeat(256)} } }`),
  'a tunnel to two lines': policy(`{ tunnel: { targetHost: ${BREAK}, targetPort: 1 } }`),
  'a path beyond Unix': endpoint(`{ address: "unix:///${'x'.repeat(107)}" }`),
  'weights beyond 32 bits': endpoint('{ address: 1.2.3.4, weight: 4000000000 }'),
};

for (const [what, text] of Object.entries(REFUSED)) {
  test(`refused: ${what}`, () => {
    const { configs, problems } = decodeYaml(text);
    assert.deepEqual(configs, []);
    assert.deepEqual(
      problems.filter(({ severity }) => severity === 'error').map(({ code }) => code),
      ['IST0106'],
    );
  });
}
