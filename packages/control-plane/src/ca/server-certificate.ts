import { type Clock, type Log, onceOutside, type Random, type Timer, type Timers } from '@meltemi/base';
import { type CryptoPort, exportPrivateKey, generateSigningKey, joinPem, pemEncode, renewalDelayMs, retryDelayMs } from '@meltemi/pki';
import type { Authority } from './authority.ts';
import { CONTROL_PLANE_ACCOUNT } from './join-route.ts';

/** What a TLS server needs, PEM. `ca` are the roots whose client certificates are verified. */
export interface ServerSecret {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** The control plane's own certificate, renewed at half life. */
export interface ServerCertificate {
  current(): ServerSecret;
  /** Called with each new one; swap it into the running server. Returns the way to stop. */
  onChange(listener: (secret: ServerSecret) => void): () => void;
  close(): void;
}

export interface ServerCertificateOptions {
  readonly authority: Authority;
  /** Names and IPv4 addresses by which clients that check names reach the server. */
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
}

/** Issues the control plane's certificate (`…/ns/istio-system/sa/istiod`) and keeps it fresh. */
export async function startServerCertificate(options: ServerCertificateOptions, crypto: CryptoPort = globalThis.crypto): Promise<ServerCertificate> {
  const listeners = new Set<(secret: ServerSecret) => void>();
  let secret = await newSecret(options, crypto);
  let timer: Timer | undefined;
  let failures = 0;
  const schedule = (): void => {
    const nowMs = options.clock.now();
    // With the clock set to before it, nobody takes it any more.
    timer = onceOutside(options, { fromMs: secret.notBeforeMs, untilMs: nowMs + renewalDelayMs(secret, nowMs, options.random) }, renew);
  };
  const renew = (): void =>
    void newSecret(options, crypto).then(
      (next) => {
        secret = next;
        failures = 0;
        for (const listener of listeners) listener(next);
        schedule();
      },
      (error: unknown) => {
        failures++;
        options.log.error("The control plane's certificate could not be renewed", { error: String(error) });
        timer = options.timers.after(retryDelayMs(failures, options.random), renew);
      },
    );
  schedule();
  return {
    current: () => secret,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => timer?.cancel(),
  };
}

async function newSecret(options: ServerCertificateOptions, crypto: CryptoPort): Promise<ServerSecret> {
  const { authority, dnsNames, ipAddresses } = options;
  const key = await generateSigningKey(crypto);
  const id = { trustDomain: authority.trustDomain, ...CONTROL_PLANE_ACCOUNT };
  const { certificate, chain } = await authority.issue({ spki: key.spki, id, dnsNames, ipAddresses });
  return {
    cert: joinPem(...chain),
    key: pemEncode('PRIVATE KEY', await exportPrivateKey(crypto, key)),
    ca: authority.rootsPem(),
    notBeforeMs: certificate.notBeforeMs,
    notAfterMs: certificate.notAfterMs,
  };
}
