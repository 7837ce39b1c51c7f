import type { Clock, Log, Random, Timers } from '@meltemi/base';
import type { Channel } from '@meltemi/grpc';
import type { ProtoCodec } from '@meltemi/protos';
import type { Node, Workload } from '@meltemi/protos-types';
import type { RuntimeDelta } from '@meltemi/runtime';
import { createConfigClient, type ConfigClient } from '../config/client.ts';
import type { OpenFile } from '../config/log-files.ts';
import { createDnsClusters, type DnsClusters } from '../config/dns-clusters.ts';
import { createResolve } from '../dns/resolve-name.ts';
import type { KnownWorkload } from '../telemetry/peers.ts';
import type { Engine } from './engine.ts';

export interface ConfigurationOptions {
  readonly channel: Channel;
  readonly codec: ProtoCodec;
  readonly node: Node;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  /** Whether a file of an access log can be written. */
  readonly openLog: OpenFile;
}

/** The way from the stream to the engine: deltas go over in order, one after the other. */
export interface Configuration extends Disposable {
  readonly client: ConfigClient;
  readonly dns: Pick<DnsClusters, 'counts'>;
  /** Listeners that could not be bound, with the reason. */
  readonly listenerErrors: ReadonlyMap<string, string>;
  /** Resolves when everything handed over so far is in force. */
  settled(): Promise<void>;
}

const NO_FAILURES: ReadonlyMap<string, string> = new Map();

export function connectConfiguration(options: ConfigurationOptions): Configuration {
  const { engine, log } = options;
  const listenerErrors = new Map<string, string>();
  let last: Promise<void> = Promise.resolve();

  const apply = (delta: RuntimeDelta): Promise<unknown> => {
    // A fault of ours: it is told, and what comes next goes on.
    const applied = engine.apply(delta).catch((error: unknown) => {
      log.error('an update could not be put in force', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      return NO_FAILURES;
    });
    for (const { name } of delta.listeners ?? []) listenerErrors.delete(name);
    for (const name of delta.removed?.listeners ?? []) listenerErrors.delete(name);
    last = Promise.all([last, applied]).then(([, failures]) => {
      for (const [name, reason] of failures) {
        listenerErrors.set(name, reason);
        log.error('a listener cannot be bound', { listener: name, reason });
      }
    });
    return applied;
  };

  const dns = createDnsClusters({ ...options, resolver: createResolve, onEndpoints: (endpoints) => void apply({ endpoints: [endpoints] }) });
  const client = createConfigClient({
    ...options,
    onDelta(delta) {
      const applied = apply(delta);
      dns.update(delta.clusters ?? [], delta.removed?.clusters ?? []);
      return applied;
    },
    onWorkload: (address, workload) => engine.learned(address, workload === undefined ? undefined : knownWorkload(workload)),
  });
  return {
    client,
    dns,
    listenerErrors,
    settled: () => last,
    [Symbol.dispose]() {
      client[Symbol.dispose]();
      dns[Symbol.dispose]();
    },
  };
}

function knownWorkload(workload: Workload): KnownWorkload {
  const { name = '', namespace = '', service_account: account = '', trust_domain: domain = '' } = workload;
  return {
    labels: {
      workload: name,
      namespace,
      app: workload.app ?? '',
      version: workload.version ?? '',
      canonicalService: workload.canonical_name ?? '',
      canonicalRevision: workload.canonical_revision ?? '',
      cluster: workload.cluster ?? '',
    },
    principal: account === '' ? '' : `spiffe://${domain === '' ? 'cluster.local' : domain}/ns/${namespace}/sa/${account}`,
  };
}
