import { type Channel, createChannel } from '@meltemi/grpc';
import { formatSpiffeId } from '@meltemi/pki';
import { TYPE_URL } from '@meltemi/protos-types';
import { type ControlPlaneAddress, parseTarget, requestCertificate } from './identity/certificate-client.ts';
import { type Identity, type IdentityManager, startIdentityManager } from './identity/identity-manager.ts';
import { xdsNode } from './node.ts';
import type { Platform } from './platform.ts';
import { createFileSecrets, isFileSecret, type FileSecretOptions, type FileSecrets } from './relay/file-secrets.ts';
import { createRelay, type Relay } from './relay/relay.ts';
import { isLocalSecret, localSecrets } from './relay/secrets.ts';
import { startUpstream, type Upstream } from './relay/upstream.ts';
import type { AgentConfig, WorkloadEvent } from './types.ts';
import { encodeNode } from './wire/messages.ts';
import { zstdDecompress } from './wire/zstd.ts';

/** Everything between one workload and the control plane: certificate, connection, discovery stream, the relay that remembers. */
export interface ControlPlaneLink {
  readonly identity: IdentityManager;
  readonly channel: Channel;
  readonly relay: Relay;
  readonly upstream: Upstream;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly config: AgentConfig;
  readonly platform: Platform;
  readonly newToken: (() => Promise<string>) | undefined;
  readonly onEvent: (event: WorkloadEvent) => void;
  /** Something waits for the proxies. */
  readonly onWork: () => void;
  readonly onUpdate: (typeUrl: string) => void;
  /** Rejects when the agent is stopped while it starts. */
  readonly stopped: Promise<never>;
}

/** Namespace and account of the control plane, as Istio has them. */
const CONTROL_PLANE_ACCOUNT = { namespace: 'istio-system', serviceAccount: 'istiod' };

/** Starts the link; the discovery stream opens with the first certificate. Throws `identity/refused`. */
export async function startLink(options: LinkOptions): Promise<ControlPlaneLink> {
  const { config, platform, onEvent } = options;
  const { join, identity: who } = config;
  const address = addressOf(join);
  let upstream: Upstream | undefined;
  const relay = createRelay({
    node: encodeNode(xdsNode(config)),
    decompress: zstdDecompress,
    isLocal: (typeUrl, name) => isLocalSecret(typeUrl, name) || isFileSecret(typeUrl, name),
    onLocalWanted: (typeUrl, names) => files.want(names.filter((name) => isFileSecret(typeUrl, name))),
    time: platform,
    onUpdate: options.onUpdate,
    onRefusal: (typeUrl, message) => onEvent({ t: 'rejected', typeUrl, message }),
    onWork() {
      upstream?.flush();
      options.onWork();
    },
  });
  const files = filesOf(options, (resources) => relay.setLocal(TYPE_URL.secret, resources));
  const id = { trustDomain: join.trustDomain, namespace: who.namespace, serviceAccount: who.serviceAccount };
  const identity = startIdentityManager({
    id,
    token: join.joinToken,
    newToken: options.newToken,
    requestCertificate: (csr, proof) => requestCertificate(address, identity.current(), csr, proof),
    onFailure(message) {
      // Said once: while it lasts, the event "control-plane away" and the metrics tell the rest.
      if (identity.failures === 1)
        onEvent({ t: 'warning', message: `The certificate could not be had from the control plane: ${message} Trying again.` });
    },
    platform,
  });
  const channel = createChannel({ target: address.target, tls: () => tlsOptions(address, identity.current()) });
  const adopt = (next: Identity): void => {
    relay.setLocal(TYPE_URL.secret, localSecrets(next));
    onEvent({ t: 'certificate', serial: next.serial, notAfterMs: next.notAfterMs, spiffeId: formatSpiffeId(id) });
    upstream?.renew();
  };
  identity.onChange(adopt);
  const close = async (): Promise<void> => {
    identity.close();
    files.close();
    upstream?.close();
    await channel.close();
  };
  try {
    await Promise.race([identity.first, options.stopped]);
  } catch (error) {
    await close();
    throw error;
  }
  upstream = startUpstream({
    channel,
    relay,
    platform,
    onState: (state) => onEvent({ t: 'control-plane', state: state.t, ...(state.t === 'away' ? { reason: state.reason } : {}) }),
  });
  return { identity, channel, relay, upstream, close };
}

function addressOf({ xdsAddress, rootCertificate, trustDomain }: AgentConfig['join']): ControlPlaneAddress {
  return { target: parseTarget(xdsAddress), rootCertificate, principal: formatSpiffeId({ trustDomain, ...CONTROL_PLANE_ACCOUNT }) };
}

function filesOf({ platform, onEvent }: LinkOptions, publish: FileSecretOptions['publish']): FileSecrets {
  return createFileSecrets({
    platform,
    publish,
    onFault: (message) => onEvent({ t: 'warning', message: `A file that a DestinationRule names cannot be used: ${message}` }),
  });
}

function tlsOptions(
  address: ControlPlaneAddress,
  identity: Identity | undefined,
): { trustedCa: string; expectedPrincipals: string[]; certificateChain?: string; privateKey?: string } {
  const base = { trustedCa: identity?.roots ?? address.rootCertificate, expectedPrincipals: [address.principal] };
  return identity === undefined ? base : { ...base, certificateChain: identity.certificateChain, privateKey: identity.privateKey };
}
