import type { Clock } from '@meltemi/base';
import type { TypeStatus, Verdict } from '@meltemi/xds';
import type { AckResult, ConnectedNode, NodeTypeStatus } from './connected-node.ts';
import type { Connection } from './connection.ts';

/** Remembers when each node said yes or no, for `proxy-status`. */
export interface AcknowledgementLog {
  note(connection: Connection, verdict: Verdict): void;
  describe(connection: Connection): ConnectedNode;
}

interface Times {
  ackedAtMs: number | undefined;
  nackedAtMs: number | undefined;
}

export function createAcknowledgementLog(clock: Clock): AcknowledgementLog {
  const times = new WeakMap<Connection, Map<string, Times>>();

  function timesOf(connection: Connection, typeUrl: string): Times {
    let byType = times.get(connection);
    if (byType === undefined) times.set(connection, (byType = new Map()));
    let entry = byType.get(typeUrl);
    if (entry === undefined) byType.set(typeUrl, (entry = { ackedAtMs: undefined, nackedAtMs: undefined }));
    return entry;
  }

  return {
    note(connection, verdict) {
      const entry = timesOf(connection, verdict.typeUrl);
      if (verdict.t === 'ack') entry.ackedAtMs = clock.now();
      else entry.nackedAtMs = clock.now();
    },
    describe(connection) {
      const types = connection.statuses().map((status) => describeType(status, timesOf(connection, status.typeUrl)));
      return {
        node: connection.node,
        protocol: connection.protocol,
        connectedAtMs: connection.connectedAtMs,
        syncedVersion: connection.syncedVersion(),
        types,
      };
    },
  };
}

function describeType(status: TypeStatus, times: Times): NodeTypeStatus {
  return {
    typeUrl: status.typeUrl,
    resources: status.resources,
    sentVersion: status.sentVersion,
    ackedVersion: status.ackedVersion,
    ackedAtMs: times.ackedAtMs,
    nack: status.nacked === undefined ? undefined : { ...status.nacked, atMs: times.nackedAtMs ?? 0 },
    state: status.nacked !== undefined ? 'rejected' : status.outstanding ? 'pending' : 'synced',
  };
}

/** Where a version stands at all connected nodes. A refusal of an older version does not count against a change that did not touch it. */
export function judge(version: number, pushed: boolean, connections: readonly Connection[]): AckResult {
  const pending: string[] = [];
  const rejected: { nodeId: string; typeUrl: string; message: string }[] = [];
  let acknowledged = 0;
  for (const connection of connections) {
    const statuses = connection.statuses();
    const refusals = statuses.filter((status) => status.nacked !== undefined && status.nacked.version >= version);
    for (const status of refusals) rejected.push({ nodeId: connection.node.id, typeUrl: status.typeUrl, message: status.nacked?.message ?? '' });
    if (refusals.length > 0) continue;
    if (pushed && statuses.length > 0 && statuses.every((status) => isPast(status, version))) acknowledged++;
    else pending.push(connection.node.id);
  }
  const t = rejected.length > 0 ? 'rejected' : pending.length > 0 || !pushed ? 'timeout' : 'acknowledged';
  return { t, acknowledged, pending, rejected };
}

function isPast(status: TypeStatus, version: number): boolean {
  if (status.outstanding) return false;
  return status.nacked !== undefined || (status.ackedVersion !== undefined && status.ackedVersion >= version);
}
