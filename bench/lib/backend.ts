import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authority } from './certs.ts';
import { start, type Measured } from './processes.ts';

/** Both ports answer every request with 1 KiB; the second speaks TLS 1.3 and asks for a client certificate. */
export async function startBackend(
  directory: string,
  { plain: plainPort, tls: tlsPort, http2 }: { readonly plain: number; readonly tls: number; readonly http2: boolean },
  authority: Authority,
): Promise<{ readonly process: Measured; readonly name: string }> {
  const server = await authority.issue('server');
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  const certificate = file('server.pem', server.certificateChain);
  const key = file('server.key', server.privateKey);
  const root = file('root.pem', authority.root);
  const nginx = spawnSync('nginx', ['-v']).error === undefined;
  if (!nginx && http2) throw new Error('nginx is not installed: there is no backend that speaks HTTP/2');
  if (!nginx) {
    console.log('nginx is not installed: the backend is a Node server, which lowers the load that can be offered but not the ratio');
    return {
      name: 'node',
      process: start(process.execPath, [join(import.meta.dirname, 'backend-node.ts'), String(plainPort), String(tlsPort), certificate, key, root]),
    };
  }
  const body = 'x'.repeat(1024);
  const conf = file(
    'nginx.conf',
    `daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log /dev/null crit;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s; default_type application/json; client_body_buffer_size 64k;
client_body_temp_path ${directory}/b; proxy_temp_path ${directory}/p; fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
server { listen 127.0.0.1:${plainPort}${http2 ? ' http2' : ''} backlog=4096; location / { return 200 "${body}"; } }
server { listen 127.0.0.1:${tlsPort} ssl${http2 ? ' http2' : ''} backlog=4096; ssl_certificate ${certificate}; ssl_certificate_key ${key}; ssl_client_certificate ${root}; ssl_verify_client on; ssl_verify_depth 3;
ssl_protocols TLSv1.3; location / { return 200 "${body}"; } } }
`,
  );
  return { name: 'nginx', process: start('nginx', ['-p', directory, '-c', conf]) };
}
