import type { Log } from '@meltemi/base';
import type { CompiledChain, DownstreamTls, UpstreamTls } from '@meltemi/runtime';
import { TlsClient } from './tls-client.ts';
import type { SecretLookup } from './tls-secrets.ts';
import { TlsServer } from './tls-server.ts';

/** One TLS context per setting, made when first used and forgotten with the setting. */
export class TlsContexts {
  readonly #servers = new WeakMap<DownstreamTls, TlsServer>();
  readonly #clients = new WeakMap<UpstreamTls, TlsClient>();
  readonly #secret: SecretLookup;
  readonly #log: Log;

  constructor(secret: SecretLookup, log: Log) {
    this.#secret = secret;
    this.#log = log;
  }

  /** The server side of a chain that has `tls`. */
  server(chain: CompiledChain, tls: DownstreamTls): TlsServer {
    let server = this.#servers.get(tls);
    if (server === undefined) {
      server = new TlsServer(tls, chain.config.transportConnectTimeoutMs, this.#secret, this.#log);
      this.#servers.set(tls, server);
    }
    return server;
  }

  client(tls: UpstreamTls): TlsClient {
    let client = this.#clients.get(tls);
    if (client === undefined) {
      client = new TlsClient(tls, this.#secret);
      this.#clients.set(tls, client);
    }
    return client;
  }
}
