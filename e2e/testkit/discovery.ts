/** What tests of discovery have in common, wherever workloads run: an application that does what its query says, members that say their name, services that lead to them. */
import { eventually, get } from './load.ts';

/**
 * Looks up a name, calls by HTTP, or connects and listens, as its query says. Whom: by `host`, a name or address, or by `service`, at the address that it was
 * told at its start.
 */
export const CLIENT = `const http = require('http'), net = require('net'), dns = require('dns');
http.createServer((q, s) => {
  const { how, port, service, host = process.env[service?.toUpperCase() + '_SERVICE_HOST'] } = Object.fromEntries(new URL(q.url, 'http://x').searchParams);
  const end = (text) => s.writableEnded || s.end(text);
  if (host === undefined) return end('not told');
  if (how === 'name') return dns.lookup(host, { all: true, family: 4 }, (e, all) => end(e ? e.code : all.map((a) => a.address).sort().join(' ')));
  if (how === 'listen') {
    let heard = '';
    return net.connect(+port, host).setTimeout(4000, () => end('silence')).setEncoding('utf8')
      .on('data', (t) => (heard += t)).on('end', () => end(heard)).on('error', () => end('refused'));
  }
  http.get({ host, port, agent: false, timeout: 4000, headers: service ? { host: service } : {} }, (r) => {
    let body = '';
    r.setEncoding('utf8').on('data', (t) => (body += t)).on('end', () => end([r.statusCode, body, r.headers['x-seen']].join(' ').trim()));
  }).on('error', () => end('refused'));
}).listen(+process.env.PORT, process.env.HOST)`;

/** Says its name: by HTTP, and on another port as soon as somebody connects. The same on ports that nobody declares, with what a proxy tells the application. */
export const member = (name: string): string => `const http = require('http'), greet = (c) => c.on('error', () => {}).end('220 ${name}');
http.createServer((q, s) => s.end('${name}')).listen(9080, process.env.HOST);
http.createServer((q, s) => s.end('${name} ' + (q.headers['x-request-id'] ? 'as-http' : 'as-bytes'))).listen(9070, process.env.HOST);
for (const port of [9060, 9090]) require('net').createServer(greet).listen(port, process.env.HOST)`;

const service = (name: string, spec: string): string => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { ${spec} }
---
`;

/** Requests that the mesh has seen as such come back with a header. */
const seenAsHttp = (name: string, port: number): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: shop }
spec: { hosts: [${name}], http: [{ route: [{ destination: { host: ${name}, port: { number: ${port} } } }], headers: { response: { set: { x-seen: as-http } } } }] }
---
`;

/**
 * Services of the members (app `db`), in the namespace `shop`: `db` headless; `mail` by the names of its ports; `plain` with ports that say nothing; `said`,
 * whose ports are the opposite of what their names say; `post`, another name of `mail`.
 */
export const SERVICES = [
  `apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: 'protocolDetectionTimeout: 100ms' }
---
`,
  service('db', 'clusterIP: None, selector: { app: db }, ports: [{ name: http, port: 9080 }, { name: tcp-greeting, port: 9090 }]'),
  service('mail', 'selector: { app: db }, ports: [{ name: tcp, port: 8025, targetPort: 9090 }, { name: http, port: 8080, targetPort: 9080 }]'),
  service('plain', 'selector: { app: db }, ports: [{ name: main, port: 8000, targetPort: 9080 }, { name: greeting, port: 8025, targetPort: 9090 }]'),
  service(
    'said',
    'selector: { app: db }, ports: [{ name: tcp, port: 8000, targetPort: 9080, appProtocol: http }, { name: http, port: 8025, targetPort: 9090, appProtocol: tcp }]',
  ),
  service('post', 'type: ExternalName, externalName: mail.shop.svc.cluster.local'),
  seenAsHttp('plain', 8000),
  seenAsHttp('said', 8000),
].join('');

/** What the client is asked to do. */
export interface Asked {
  ask(how: 'name' | 'listen' | 'http', whom: string, port?: number): Promise<string>;
  /** Asks until that is the answer. */
  until(wanted: string | RegExp, ...call: Parameters<Asked['ask']>): Promise<void>;
}

/** Asks the client at this URL, which knows others `by` their host or as a service. */
export function askThrough(url: string, by: 'host' | 'service'): Asked {
  const ask: Asked['ask'] = async (how, whom, port = 0) =>
    (await get(`${url}/?${new URLSearchParams({ how, [by]: whom, port: String(port) })}`)).body;
  return {
    ask,
    async until(wanted, ...call) {
      let last = '';
      await eventually(`${call.join(' ')} is ${String(wanted)}`, 15_000, async () => {
        last = await ask(...call);
        return (typeof wanted === 'string' ? last === wanted : wanted.test(last)) ? true : undefined;
      }).catch((error: unknown) => {
        throw new Error(`${String(error)}; it is ${last}`, { cause: error });
      });
    },
  };
}

/** What every caller sees of `mail`, `post`, `plain` and `said`. */
export async function checkProtocols(expect: (wanted: RegExp, ...call: Parameters<Asked['ask']>) => Promise<void>): Promise<void> {
  await expect(/^200 db-[01]$/, 'http', 'mail', 8080);
  // A server that speaks first, behind a port that says so; and the same by another name of it.
  await expect(/^220 db-[01]$/, 'listen', 'mail', 8025);
  await expect(/^200 db-[01]$/, 'http', 'post', 8080);
  await expect(/^220 db-[01]$/, 'listen', 'post', 8025);
  // Ports that say nothing: requests are known as such, and who waits for the server to speak is not kept waiting for ever.
  await expect(/^200 db-[01] as-http$/, 'http', 'plain', 8000);
  await expect(/^220 db-[01]$/, 'listen', 'plain', 8025);
  // `appProtocol` counts, whatever the name says.
  await expect(/^200 db-[01] as-http$/, 'http', 'said', 8000);
  await expect(/^220 db-[01]$/, 'listen', 'said', 8025);
}
