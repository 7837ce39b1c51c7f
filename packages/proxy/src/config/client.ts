import type { Clock, Log, Random, Timer, Timers } from '@meltemi/base';
import type { Channel } from '@meltemi/grpc';
import type { ProtoCodec } from '@meltemi/protos';
import { TYPE_URL, shortTypeName, type Node, type Workload } from '@meltemi/protos-types';
import type { RuntimeDelta } from '@meltemi/runtime';
import { createDeltaClient, type DeltaClient, type DeltaResponse } from '@meltemi/xds';
import { createAddressBook } from './address-book.ts';
import { openAdsStream } from './ads-stream.ts';
import { createConfigDump, type ConfigDump } from './dump.ts';
import { localCluster } from './local-cluster.ts';
import { refuseUnwritable, type OpenFile } from './log-files.ts';
import { kindOf, readResource, toAccepted, type ReadResource } from './resources.ts';
import { createWarmer, type Accepted, type Pending } from './warmer.ts';

/** Longest wait of a resource for what it points at. */
const WARMING_LIMIT_MS = 5_000;

export interface ConfigClientOptions {
  readonly channel: Channel;
  readonly codec: ProtoCodec;
  readonly node: Node;
  /** What takes effect, in order. */
  readonly onDelta: (delta: RuntimeDelta) => Promise<unknown>;
  /** The answer to `wantWorkload`; undefined = nobody is known at that address. Called again when it changes. */
  readonly onWorkload: (address: string, workload: Workload | undefined) => void;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  /** Whether a file of an access log can be written. */
  readonly openLog: OpenFile;
}

export interface ConfigState {
  readonly connected: boolean;
  /** First answers for clusters and listeners have come, and nothing waits. */
  readonly complete: boolean;
  readonly pending: Pending;
  readonly rejected: number;
  /** Fields of resources that are younger than this proxy, and without effect. */
  readonly unknownFields: number;
}

/** The proxy's configuration, as it comes over delta ADS. */
export interface ConfigClient extends Disposable {
  readonly dump: ConfigDump;
  state(): ConfigState;
  /** Asks who stands behind an address; once per address. */
  wantWorkload(address: string): void;
  forgetWorkload(address: string): void;
}

/** Subscribes to everything and keeps it up to date. Nothing that was accepted is ever lost to a broken stream. */
export function createConfigClient(options: ConfigClientOptions): ConfigClient {
  const { codec, clock, log } = options;
  const client = createDeltaClient({ node: codec.encode('envoy.config.core.v3.Node', options.node) });
  const dump = createConfigDump();
  const answered = new Set<string>();
  const addresses = createAddressBook();
  let rejected = 0;
  let unknownFields = 0;

  client.subscribe(TYPE_URL.cluster, ['*']);
  client.subscribe(TYPE_URL.listener, ['*']);
  const stream = openAdsStream({
    ...options,
    client,
    onResponse: (response) => (response.typeUrl === TYPE_URL.workload ? receiveWorkloads(response, client, options) : receive(response)),
    onState: (connected, reason) =>
      connected ? log.info('configuration stream is up') : log.warn('configuration stream is down; what is in force stays', { reason }),
  });
  const warming = startWarming(options, client, {
    flush: () => stream.flush(),
    // Of what is not asked for any more nothing is told either, not even that it is gone.
    onGone: (typeUrl, names) => dump.remove(typeUrl, names),
  });
  if (options.node.locality !== undefined) warming.accept({ t: 'cluster', added: [localCluster()], removed: [] });

  function receive(response: DeltaResponse): void {
    const update = client.receive(response);
    const own = update.added.map((resource) => readResource(codec, response.typeUrl, resource));
    const read = response.typeUrl === TYPE_URL.listener ? addresses.take(refuseUnwritable(own, options.openLog), update.removed) : own;
    const now = clock.now();
    for (const item of read) dump.record(response.typeUrl, item, now);
    dump.remove(response.typeUrl, update.removed);
    const rejections = read.flatMap(({ name, result }) => (result.t === 'bad' ? [{ name, message: result.message }] : []));
    rejected += rejections.length;
    unknownFields += tellUnknown(read, log);
    for (const { message } of rejections) log.error(`refused a resource of ${shortTypeName(response.typeUrl)}`, { message });
    client.settle(update, rejections);
    answered.add(response.typeUrl);
    const kind = kindOf(response.typeUrl);
    if (kind !== undefined) warming.accept(toAccepted(kind, read, update.removed));
  }

  return {
    dump,
    state() {
      const pending = warming.pending();
      const begun = answered.has(TYPE_URL.cluster) && answered.has(TYPE_URL.listener);
      const idle = pending.clusters.length + pending.routes.length + pending.listeners.length === 0;
      return { connected: stream.connected, complete: begun && idle, pending, rejected, unknownFields };
    },
    wantWorkload(address) {
      client.subscribe(TYPE_URL.workload, [address]);
      stream.flush();
    },
    forgetWorkload(address) {
      client.unsubscribe(TYPE_URL.workload, [address]);
      stream.flush();
    },
    [Symbol.dispose]() {
      warming[Symbol.dispose]();
      stream[Symbol.dispose]();
    },
  };
}

/** Answers how many fields there were that are younger than this proxy. */
function tellUnknown(read: readonly ReadResource[], log: Log): number {
  const told = read.filter(({ unknown }) => unknown.length > 0);
  for (const { name, unknown } of told)
    log.warn('a resource has fields that this proxy does not know; they are without effect', { resource: name, fields: unknown });
  return told.reduce((sum, { unknown }) => sum + unknown.length, 0);
}

interface WarmingHooks {
  readonly flush: () => void;
  /** These are not subscribed to any more. */
  readonly onGone: (typeUrl: string, names: readonly string[]) => void;
}

interface Warming extends Disposable {
  accept(change: Accepted): void;
  pending(): Pending;
}

/** The warmer with its clock: hands on what takes effect, asks for what is pointed at, and looks again when something waits too long. */
function startWarming({ clock, timers, log, onDelta }: ConfigClientOptions, client: DeltaClient, { flush, onGone }: WarmingHooks): Warming {
  const warmer = createWarmer(WARMING_LIMIT_MS);
  let deadline: Timer | undefined;

  const advance = (): void => {
    const delta = warmer.take(clock.monotonic());
    const wanted = warmer.wanted();
    onGone(TYPE_URL.endpoint, follow(client, TYPE_URL.endpoint, wanted.endpoints));
    onGone(TYPE_URL.secret, follow(client, TYPE_URL.secret, wanted.secrets));
    onGone(TYPE_URL.route, follow(client, TYPE_URL.route, wanted.routes));
    if (delta !== undefined) void onDelta(delta).then(() => checked(delta));
    const next = warmer.nextDeadlineMs(clock.monotonic());
    deadline?.cancel();
    deadline = next === undefined ? undefined : timers.after(Math.max(0, next - clock.monotonic()), late);
  };
  /** What leads to clusters whose hosts are checked may go on. */
  const checked = ({ clusters = [] }: RuntimeDelta): void => {
    const names = clusters.filter(({ healthChecks }) => healthChecks.length > 0).map(({ name }) => name);
    if (names.length === 0) return;
    warmer.checked(names);
    advance();
    flush();
  };
  const late = (): void => {
    const { clusters, routes, listeners } = warmer.pending();
    if (clusters.length + routes.length + listeners.length > 0)
      log.warn('some configuration is put in force although what it points at has not come', { clusters, routes, listeners });
    advance();
    flush();
  };
  return {
    accept(change) {
      warmer.accept(change, clock.monotonic());
      advance();
    },
    pending: () => warmer.pending(),
    [Symbol.dispose]: () => deadline?.cancel(),
  };
}

function receiveWorkloads(response: DeltaResponse, client: DeltaClient, { codec, onWorkload }: ConfigClientOptions): void {
  const update = client.receive(response);
  const rejections: { name: string; message: string }[] = [];
  for (const { name, bytes } of update.added) {
    try {
      onWorkload(name, codec.decode('meltemi.workload.v1.Workload', bytes) as Workload);
    } catch (error) {
      rejections.push({ name, message: `${name}: ${String(error)}` });
    }
  }
  for (const name of update.removed) onWorkload(name, undefined);
  client.settle(update, rejections);
}

/** Makes the subscriptions of a type exactly these names; answers those that it gave up. */
function follow(client: DeltaClient, typeUrl: string, wanted: ReadonlySet<string>): readonly string[] {
  const before = client.subscriptions(typeUrl);
  const gone = [...before].filter((name) => !wanted.has(name));
  const fresh = [...wanted].filter((name) => !before.has(name));
  if (gone.length > 0) client.unsubscribe(typeUrl, gone);
  if (fresh.length > 0) client.subscribe(typeUrl, fresh);
  return gone;
}
