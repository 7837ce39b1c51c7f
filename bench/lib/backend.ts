import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authority } from './certs.ts';
import { freePorts, start, type Measured } from './processes.ts';

/** What stands behind the proxies: in clear, and over TLS 1.3 with a client certificate asked for. `/large` answers 1 MiB, everything else 1 KiB. */
export interface Backend {
  readonly process: Measured;
  readonly name: string;
  readonly plain: number;
  readonly tls: number;
}

/** Path of the large answer. */
export const LARGE = '/large';
const LARGE_BYTES = 1 << 20;

/** What both ports speak. `echo`: HTTP/2, and what comes on a stream goes back on it. */
export type BackendKind = 'http1' | 'http2' | 'echo';

/** Starts it on ports that were free; its files go into the directory. */
export async function startBackend(directory: string, kind: BackendKind, authority: Authority): Promise<Backend> {
  const [plainPort = 0, tlsPort = 0] = await freePorts(2);
  const ports = { plain: plainPort, tls: tlsPort };
  const server = await authority.issue('server');
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  const certificate = file('server.pem', server.certificateChain);
  const key = file('server.key', server.privateKey);
  const root = file('root.pem', authority.root);
  const http2 = kind === 'http2';
  const files = [certificate, key, root];
  const program = (script: string): Measured =>
    start(process.execPath, [join(import.meta.dirname, script), String(plainPort), String(tlsPort), ...files]);
  if (kind === 'echo') return { ...ports, name: 'node:http2', process: program('echo-node.ts') };
  const nginx = spawnSync('nginx', ['-v']).error === undefined;
  if (!nginx && http2) throw new Error('nginx is not installed: there is no backend that speaks HTTP/2');
  if (!nginx) {
    console.log('nginx is not installed: the backend is a Node server, which lowers the load that can be offered but not the ratio');
    return { ...ports, name: 'node', process: program('backend-node.ts') };
  }
  const body = 'x'.repeat(1024);
  mkdirSync(join(directory, 'files'));
  file(`files${LARGE}`, 'x'.repeat(LARGE_BYTES));
  const places = `location = ${LARGE} { root ${directory}/files; } location / { return 200 "${body}"; }`;
  const conf = file(
    'nginx.conf',
    `daemon off; ${process.getuid?.() === 0 ? 'user root; ' : ''}worker_processes 1; worker_rlimit_nofile 20000; pid ${directory}/nginx.pid; error_log /dev/null crit;
events { worker_connections 16384; }
http { access_log off; sendfile on; keepalive_requests 1000000000; keepalive_timeout 3600s; default_type application/json; client_body_buffer_size 64k;
client_body_temp_path ${directory}/b; proxy_temp_path ${directory}/p; fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
server { listen 127.0.0.1:${plainPort}${http2 ? ' http2' : ''} backlog=4096; ${places} }
server { listen 127.0.0.1:${tlsPort} ssl${http2 ? ' http2' : ''} backlog=4096; ssl_certificate ${certificate}; ssl_certificate_key ${key}; ssl_client_certificate ${root}; ssl_verify_client on; ssl_verify_depth 3;
ssl_protocols TLSv1.3; ${places} } }
`,
  );
  return { ...ports, name: 'nginx', process: start('nginx', ['-p', directory, '-c', conf]) };
}
