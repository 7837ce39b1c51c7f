import type { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { hasPins, type UpstreamTls } from '@meltemi/runtime';
import type { AltName, TlsInfo } from '../types.ts';
import type { DialTarget } from './net-port.ts';
import { compileSanCheck, isPinned, matchesHost, parseAltNames, tlsInfo } from './tls-peer.ts';
import { ownUri, resolveMaterial, sameMaterial, type SecretLookup, type TlsMaterial } from './tls-secrets.ts';

/** Everything a client handshake needs; made anew when a secret changes. */
export interface ClientContext {
  readonly secureContext: SecureContext;
  /** The server has to be one that is trusted, or one of those that are asked for. */
  readonly verify: boolean;
  /** Its chain has to end in a trusted root. */
  readonly verifyChain: boolean;
  readonly localUri: string;
  /**
   * Sessions by host. They belong to this context, that is to one version of certificate and trust and one list of accepted
   * names: a session can never be resumed under another identity or after a rotation.
   */
  readonly sessions: Map<string, ClientSession>;
}

/** A session, with the certificate that its full handshake was verified by: Node does not show it again when the session is resumed. */
export interface ClientSession {
  readonly ticket: Buffer;
  readonly peer: VerifiedPeer;
}

/** Whom a full handshake was made with, and until when that may be believed. */
export interface VerifiedPeer {
  readonly certificate: X509Certificate | undefined;
  /** Wall clock, milliseconds: the earliest end of the certificates that the server showed. */
  readonly validToMs: number;
}

/** Whom a connection is for. */
export type AskedName = Pick<DialTarget, 'serverName' | 'peerName'>;

/** What a handshake came to: the facts of the connection, or why it must not be used. */
export type Verified = { readonly ok: true; readonly info: TlsInfo; readonly peer: VerifiedPeer } | { readonly ok: false; readonly reason: string };

/**
 * The server behind a connection; of a resumed session the one it began with (only the server that showed the certificate can have
 * sealed the ticket). To be called ONCE per connection: on the client's side Node takes the certificate out of OpenSSL's list, so that
 * a second call answers the issuer's, or nothing.
 */
function takePeer(socket: TLSSocket, resumed: ClientSession | undefined): VerifiedPeer {
  if (socket.isSessionReused() && resumed !== undefined) return resumed.peer;
  const certificate = socket.getPeerX509Certificate();
  let validToMs = Infinity;
  for (let shown = certificate; shown !== undefined; shown = shown.issuerCertificate) validToMs = Math.min(validToMs, Date.parse(shown.validTo));
  return { certificate, validToMs };
}

function contextOptions({ cipherSuites, curves, minVersion, maxVersion }: UpstreamTls, material: TlsMaterial): SecureContextOptions {
  const { certificateChain, privateKey, trustedCa, crl } = material;
  const options: SecureContextOptions = { minVersion, maxVersion };
  if (certificateChain !== undefined) options.cert = certificateChain;
  if (privateKey !== undefined) options.key = privateKey;
  if (trustedCa !== undefined) options.ca = trustedCa;
  if (crl !== undefined) options.crl = crl;
  if (curves.length > 0) options.ecdhCurve = curves.join(':');
  if (cipherSuites.length > 0) options.ciphers = [...cipherSuites, 'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'].join(':');
  return options;
}

/** Client side of one `UpstreamTls` setting. */
export class TlsClient {
  readonly tls: UpstreamTls;
  readonly #secret: SecretLookup;
  readonly #checkNames: (names: readonly AltName[]) => boolean;
  #material: TlsMaterial | undefined;
  #context: ClientContext | undefined;

  constructor(tls: UpstreamTls, secret: SecretLookup) {
    this.tls = tls;
    this.#secret = secret;
    this.#checkNames = compileSanCheck(tls.subjectAltNames);
  }

  /** The context for a new connection, or why there is none yet. */
  context(): ClientContext | string {
    const resolved = resolveMaterial(this.tls, this.#secret);
    if (!resolved.ok) return this.#context ?? `TLS_error: secret "${resolved.missing}" has not arrived`;
    const { material } = resolved;
    if (this.#context !== undefined && this.#material !== undefined && sameMaterial(this.#material, material)) return this.#context;
    const { acceptUntrusted, pins } = this.tls;
    const verifyChain = material.trustedCa !== undefined && !acceptUntrusted;
    try {
      this.#context = {
        secureContext: createSecureContext(contextOptions(this.tls, material)),
        verify: verifyChain || (hasPins(pins) && !acceptUntrusted),
        verifyChain,
        localUri: ownUri(material.certificateChain),
        sessions: new Map(),
      };
      this.#material = material;
      return this.#context;
    } catch (error) {
      return this.#context ?? `TLS_error: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /**
   * Checks the server after EVERY handshake, once. Node's own hook (`checkServerIdentity`) is not called for resumed sessions, so it
   * cannot be the place.
   */
  verify(socket: TLSSocket, context: ClientContext, asked: AskedName, resumed: ClientSession | undefined): Verified {
    const peer = takePeer(socket, resumed);
    const { certificate } = peer;
    const refusal = context.verify ? this.#refusal(socket, peer, { ...asked, trusted: !context.verifyChain || socket.authorized }) : undefined;
    if (refusal !== undefined) return { ok: false, reason: refusal };
    return { ok: true, peer, info: tlsInfo(socket, asked.serverName, context.verify ? certificate : undefined, context.localUri) };
  }

  /** The session to resume with a host, if there is one whose certificates are still valid: else a full handshake shows newer ones. */
  session(context: ClientContext, host: string): ClientSession | undefined {
    const session = context.sessions.get(host);
    if (session === undefined || session.peer.validToMs > Date.now()) return session;
    context.sessions.delete(host);
    return undefined;
  }

  /** Keeps a session for the next connection to the host. */
  remember(context: ClientContext, host: string, session: ClientSession): void {
    const { sessions } = context;
    sessions.delete(host);
    sessions.set(host, session);
    if (sessions.size <= this.tls.maxSessions) return;
    const [oldest] = sessions.keys();
    if (oldest !== undefined) sessions.delete(oldest);
  }

  #refusal(socket: TLSSocket, { certificate, validToMs }: VerifiedPeer, asked: AskedName & { readonly trusted: boolean }): string | undefined {
    if (certificate === undefined) return 'TLS_error: the server showed no certificate';
    if (!asked.trusted) return `TLS_error: ${String(socket.authorizationError)}`;
    if (socket.isSessionReused() && validToMs <= Date.now()) return 'TLS_error: CERT_HAS_EXPIRED';
    return this.#checkName(certificate, asked);
  }

  #checkName(certificate: X509Certificate, { serverName, peerName }: AskedName): string | undefined {
    if (!this.#checkNames(parseAltNames(certificate.subjectAltName))) return 'TLS_error:CERTIFICATE_VERIFY_FAILED:verify_cert:SAN_matcher';
    if (!isPinned(certificate, this.tls.pins)) return 'TLS_error:CERTIFICATE_VERIFY_FAILED:verify_cert:pin';
    const bySni = !this.tls.sanBySni || serverName === '' || matchesHost(certificate, serverName);
    // A request that calls the server by no name is not served.
    if (bySni && (peerName === undefined || matchesHost(certificate, peerName))) return undefined;
    return 'TLS_error:CERTIFICATE_VERIFY_FAILED:verify_cert:auto_SAN';
  }
}
