import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One port of a proxy, to the backend in clear. */
interface Server {
  readonly kind: 'http' | 'tcp';
  readonly port: number;
}

/** A proxy that takes no xDS: the plain cases can be measured on it. */
interface Rival {
  readonly name: string;
  readonly can: readonly Server['kind'][];
  /** undefined = not installed. */
  version(): string | undefined;
  /** Writes its configuration into a folder of its own. */
  command(directory: string, servers: readonly Server[], backendPort: number): { readonly command: string; readonly args: readonly string[] };
}

function said(command: string): string | undefined {
  const { error, stdout, stderr } = spawnSync(command, ['-v'], { encoding: 'utf8' });
  return error === undefined ? `${stdout}${stderr}` : undefined;
}

const nginx: Rival = {
  name: 'nginx',
  can: ['http'],
  version: () => /nginx\/[\d.]+/.exec(said('nginx') ?? '')?.[0],
  command(directory, servers, backendPort) {
    const folder = join(directory, 'nginx');
    mkdirSync(folder);
    const listeners = servers.map(
      ({ port }) =>
        `server { listen 127.0.0.1:${port} backlog=4096; location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; } }`,
    );
    writeFileSync(
      join(folder, 'nginx.conf'),
      `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log /dev/null crit; worker_rlimit_nofile 20000;
events { worker_connections 16384; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s; proxy_buffers 16 64k; proxy_max_temp_file_size 0;
client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
upstream backend { server 127.0.0.1:${backendPort}; keepalive 1024; keepalive_requests 1000000000; }
${listeners.join('\n')} }
`,
    );
    return { command: 'nginx', args: ['-p', folder, '-c', join(folder, 'nginx.conf')] };
  },
};

const haproxy: Rival = {
  name: 'haproxy',
  can: ['http', 'tcp'],
  version: () => {
    const version = /version ([\d.]+)/.exec(said('haproxy') ?? '')?.[1];
    return version === undefined ? undefined : `HAProxy ${version}, nbthread 1`;
  },
  command(directory, servers, backendPort) {
    const path = join(directory, 'haproxy.cfg');
    const sections = servers.map(
      ({ kind, port }, index) =>
        `listen l${index}\n  mode ${kind}\n  bind 127.0.0.1:${port} backlog 4096\n  server backend 127.0.0.1:${backendPort}\n${kind === 'http' ? '  http-reuse always\n' : ''}`,
    );
    writeFileSync(
      path,
      `global\n  nbthread 1\n  maxconn 8000\ndefaults\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n${sections.join('\n')}`,
    );
    return { command: 'haproxy', args: ['-f', path, '-db', '-q'] };
  },
};

export const RIVALS: readonly Rival[] = [nginx, haproxy];
