import { constants, type X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Log } from '@meltemi/base';
import { hasPins, type DownstreamTls } from '@meltemi/runtime';
import type { AltName, TlsInfo } from '../types.ts';
import { reasonOf } from './node-transport.ts';
import { compileSanCheck, isPinned, parseAltNames, tlsInfo } from './tls-peer.ts';
import { chooserOf, defaultKeys, type ChooseContext } from './tls-certificates.ts';
import { ownUri, resolveMaterial, sameMaterial, type SecretLookup, type TlsMaterial } from './tls-secrets.ts';

/** How a handshake on the server side ended. */
export type Accepted = { readonly ok: true; readonly socket: TLSSocket; readonly info: TlsInfo } | { readonly ok: false; readonly reason: string };

interface Pending {
  readonly serverName: string;
  readonly done: (accepted: Accepted) => void;
}

/** Protocols that this proxy may settle on. */
const SPOKEN = new Set(['h2', 'istio-h2', 'http/1.1', 'http/1.0', 'istio', 'istio-http/1.1', 'istio-peer-exchange']);
const DEFAULT_HANDSHAKE_MS = 10_000;

/**
 * Server side of one `DownstreamTls` setting. A renewed secret exchanges the context of later handshakes; connections that run are
 * not touched. Session tickets are sealed with keys of the context, so a session never outlives the secrets it was verified with.
 */
export class TlsServer {
  readonly #tls: DownstreamTls;
  readonly #secret: SecretLookup;
  readonly #handshakeMs: number;
  readonly #log: Log;
  readonly #checkNames: (names: readonly AltName[]) => boolean;
  readonly #alpn: readonly string[];
  #material: TlsMaterial | undefined;
  /** Material that was tried in vain, and why: it is told once, not at every connection. */
  #refused: { readonly material: TlsMaterial; readonly reason: string } | undefined;
  #localUri = '';
  /** Of several certificates the one for a name. */
  #choose: ChooseContext | undefined;
  #withAlpn: Server | undefined;
  #withoutAlpn: Server | undefined;
  /** Handshakes under way, by the connection's two ends: Node tells the encrypted socket, not the one it was made from. */
  readonly #pending = new Map<string, Pending>();

  constructor(tls: DownstreamTls, handshakeTimeoutMs: number, secret: SecretLookup, log: Log) {
    this.#tls = tls;
    this.#secret = secret;
    this.#handshakeMs = handshakeTimeoutMs === 0 ? DEFAULT_HANDSHAKE_MS : handshakeTimeoutMs;
    this.#log = log;
    this.#checkNames = compileSanCheck(tls.subjectAltNames);
    this.#alpn = tls.alpnProtocols.filter((name) => SPOKEN.has(name));
  }

  /** Takes a connection over whose first bytes are still to be read. `offered` are the client hello's protocols, undefined when it was not looked at. */
  accept(socket: Socket, serverName: string, offered: readonly string[] | undefined, done: (accepted: Accepted) => void): void {
    const missing = this.#refresh();
    if (missing !== undefined) {
      done({ ok: false, reason: missing });
      return;
    }
    const key = keyOf(socket);
    if (key === undefined) {
      done({ ok: false, reason: 'the client is gone' });
      return;
    }
    this.#pending.set(key, { serverName, done });
    socket.once('close', () => this.#fail(key, 'the client closed during the handshake'));
    // A protocol list without a common entry is no reason to refuse (as in Envoy), but Node would.
    const common = this.#alpn.length > 0 && (offered === undefined || this.#alpn.some((name) => offered.includes(name)));
    const server = common ? this.#withAlpn : this.#withoutAlpn;
    server?.emit('connection', socket);
  }

  /** Makes contexts for the secrets in force; answers why that is not possible. */
  #refresh(): string | undefined {
    const resolved = resolveMaterial(this.#tls, this.#secret);
    if (!resolved.ok) return `secret "${resolved.missing}" has not arrived`;
    const { material } = resolved;
    if (this.#material !== undefined && sameMaterial(this.#material, material)) return undefined;
    if (this.#refused === undefined || !sameMaterial(this.#refused.material, material)) this.#adopt(material);
    return this.#material === undefined ? `certificate cannot be used: ${this.#refused?.reason ?? ''}` : undefined;
  }

  #adopt(material: TlsMaterial): void {
    try {
      const options = this.#options(material);
      const choose = chooserOf(material, options);
      if (this.#withAlpn === undefined || this.#withoutAlpn === undefined) {
        const all = { ...options, ...this.#byName() };
        this.#withAlpn = this.#listen(createServer({ ...all, ALPNProtocols: [...this.#alpn] }));
        this.#withoutAlpn = this.#listen(createServer(all));
      } else {
        this.#withAlpn.setSecureContext(options);
        this.#withoutAlpn.setSecureContext(options);
      }
      this.#choose = choose;
      this.#localUri = ownUri(material.certificateChain);
      this.#material = material;
      this.#refused = undefined;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#refused = { material, reason };
      this.#log.error('TLS certificate cannot be used; new connections keep the previous one', { reason });
    }
  }

  /** A server is asked for each name only where there is a choice. */
  #byName(): Pick<TlsOptions, 'SNICallback'> {
    if (this.#tls.moreCertificates.length === 0) return {};
    return {
      SNICallback: (serverName, done) => {
        try {
          done(null, this.#choose?.(serverName.toLowerCase()));
        } catch (error) {
          done(error instanceof Error ? error : new Error(String(error)));
        }
      },
    };
  }

  #options(material: TlsMaterial): TlsOptions {
    const { minVersion, maxVersion, cipherSuites, curves, requireClientCertificate, pins, acceptUntrusted } = this.#tls;
    const { resumes, sessionTimeoutMs, clientOrder } = this.#tls;
    return {
      ...defaultKeys(material),
      ...(material.trustedCa === undefined ? {} : { ca: material.trustedCa }),
      ...(material.crl === undefined ? {} : { crl: material.crl }),
      ...(cipherSuites.length === 0
        ? {}
        : { ciphers: [...cipherSuites, 'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'].join(':') }),
      ...(curves.length === 0 ? {} : { ecdhCurve: curves.join(':') }),
      ...(resumes ? {} : { secureOptions: constants.SSL_OP_NO_TICKET }),
      ...(sessionTimeoutMs === 0 ? {} : { sessionTimeout: Math.ceil(sessionTimeoutMs / 1000) }),
      honorCipherOrder: !clientOrder,
      minVersion,
      maxVersion,
      requestCert: material.trustedCa !== undefined || requireClientCertificate || hasPins(pins),
      // Where certain certificates are asked for and no root, the verdict is ours alone.
      rejectUnauthorized: requireClientCertificate && material.trustedCa !== undefined && !acceptUntrusted,
      handshakeTimeout: this.#handshakeMs,
      allowHalfOpen: true,
      noDelay: true,
    };
  }

  #listen(server: Server): Server {
    server.on('secureConnection', (socket) => this.#secured(socket));
    server.on('tlsClientError', (error, socket) => {
      const key = keyOf(socket);
      if (key !== undefined) this.#fail(key, reasonOf(error));
      socket.destroy();
    });
    return server;
  }

  #secured(socket: TLSSocket): void {
    const key = keyOf(socket);
    const pending = key === undefined ? undefined : this.#pending.get(key);
    if (key === undefined || pending === undefined) {
      socket.destroy();
      return;
    }
    this.#pending.delete(key);
    const certificate = socket.getPeerX509Certificate();
    const verdict = this.#verdict(socket, certificate);
    if (verdict !== undefined) {
      socket.on('error', () => {});
      socket.destroy();
      pending.done({ ok: false, reason: verdict });
      return;
    }
    const vouched = socket.authorized || (this.#material?.trustedCa === undefined && hasPins(this.#tls.pins));
    const trusted = vouched ? certificate : undefined;
    pending.done({
      ok: true,
      socket,
      info: tlsInfo(socket, pending.serverName === '' ? serverNameOf(socket) : pending.serverName, trusted, this.#localUri),
    });
  }

  /** Why this client is refused. Runs for resumed sessions too: what was verified then may have expired since. */
  #verdict(socket: TLSSocket, certificate: ReturnType<TLSSocket['getPeerX509Certificate']>): string | undefined {
    const { requireClientCertificate, acceptUntrusted, pins } = this.#tls;
    if (certificate === undefined) return requireClientCertificate ? 'the client showed no certificate' : undefined;
    const rooted = this.#material?.trustedCa !== undefined;
    if (acceptUntrusted || !(rooted || hasPins(pins))) return undefined;
    if (rooted && !socket.authorized) return `the client's certificate is not trusted: ${String(socket.authorizationError)}`;
    if (socket.isSessionReused() && Date.parse(certificate.validTo) < Date.now())
      return "the client's certificate has expired since the session began";
    return this.#wrongPeer(certificate);
  }

  /** Why a client that is trusted is none of those asked for. */
  #wrongPeer(certificate: X509Certificate): string | undefined {
    if (!isPinned(certificate, this.#tls.pins)) return "the client's certificate is none of those asked for";
    return this.#checkNames(parseAltNames(certificate.subjectAltName)) ? undefined : "the client's certificate has none of the names asked for";
  }

  #fail(key: string, reason: string): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    this.#pending.delete(key);
    pending.done({ ok: false, reason });
  }
}

function keyOf(socket: Socket): string | undefined {
  return socket.remoteAddress === undefined
    ? undefined
    : `${socket.remoteAddress} ${socket.remotePort ?? 0} ${socket.localAddress ?? ''} ${socket.localPort ?? 0}`;
}

/** The server name of the client hello, where nobody has read it before the handshake; '' = none. */
function serverNameOf(socket: TLSSocket): string {
  const { servername } = socket as TLSSocket & { readonly servername?: string | false };
  return typeof servername === 'string' ? servername.toLowerCase() : '';
}
