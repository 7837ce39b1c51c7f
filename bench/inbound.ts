// What a sidecar does for its own workload: mutual TLS with those who call it.
import { runBench } from './lib/bench.ts';
import type { Case } from './lib/field.ts';
import { tlsLoad } from './lib/load.ts';
import { cluster, downstreamTls, httpListener, routeTo } from './lib/resources.ts';

const inbound = (name: string, text: string, mode: 'requests' | 'handshakes'): Case => ({
  name,
  text,
  resources: async ({ port, backend, authority }) => ({
    listeners: [httpListener(name, port, [routeTo(name)], {}, await downstreamTls(authority))],
    clusters: [cluster(name, backend.plain)],
  }),
  load: tlsLoad(mode),
});

/** `npm run bench -- inbound`. */
export const run = (args: readonly string[]): Promise<void> =>
  runBench(
    {
      name: 'inbound',
      title: 'mutual TLS of clients, HTTP/1.1 to the application',
      cases: [
        inbound('requests', 'clients with a certificate, TLS 1.3, 64 connections that stay (own load generator)', 'requests'),
        inbound('handshakes', 'a connection for every request, no session is resumed', 'handshakes'),
      ],
      warm: { requests: 40_000, maxSeconds: 6 },
    },
    args,
  );
