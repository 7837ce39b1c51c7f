import type { EdgeRecorder } from '@meltemi/telemetry/recording';
import { formatFlags, type StreamInfo, type StreamSink } from '../types.ts';
import { createEdges, type EdgesOptions } from './edges.ts';
import type { SpanMaker } from './spans.ts';

export interface StreamRecorderOptions extends EdgesOptions {
  readonly spans: SpanMaker;
}

/** Turns finished streams into metrics and spans. The request path pays for a few comparisons and additions. */
export interface StreamRecorder extends StreamSink {
  /** Counts the bytes of TCP connections that are still open; once a second. */
  flushOpen(): void;
  readonly openTcp: number;
}

interface OpenTcp {
  readonly edge: EdgeRecorder;
  received: number;
  sent: number;
}

/** gRPC's UNKNOWN: a call that ended without a status. */
const GRPC_UNKNOWN = 2;

export function createStreamRecorder(options: StreamRecorderOptions): StreamRecorder {
  const edgeOf = createEdges(options);
  // One for all requests: nothing is allocated per request.
  const outcome = { responseCode: 0, flags: '', grpcStatus: undefined as number | undefined, durationMs: 0, requestBytes: 0, responseBytes: 0 };
  const open = new Map<StreamInfo, OpenTcp>();
  // The upstream is chosen and greeted a little after the connection came: who it is counts, so the connection is counted at the first
  // tick after that, or at its end.
  const opened = new Set<StreamInfo>();

  const countOpen = (info: StreamInfo): OpenTcp => {
    opened.delete(info);
    let tcp = open.get(info);
    if (tcp === undefined) {
      tcp = { edge: edgeOf(info), received: 0, sent: 0 };
      tcp.edge.tcpOpened();
      open.set(info, tcp);
    }
    return tcp;
  };

  return {
    onTcpOpen: (info) => void opened.add(info),
    onStreamEnd(info) {
      if (info.protocol === 'tcp') {
        const tcp = countOpen(info);
        countBytes(info, tcp);
        tcp.edge.tcpClosed(formatFlags(info.flags));
        open.delete(info);
        return;
      }
      outcome.responseCode = info.responseCode;
      outcome.flags = formatFlags(info.flags);
      outcome.grpcStatus = info.grpc ? Number(info.grpcStatus === '' ? GRPC_UNKNOWN : info.grpcStatus) : undefined;
      outcome.durationMs = info.endMs - info.startMs;
      outcome.requestBytes = info.bytesReceived;
      outcome.responseBytes = info.bytesSent;
      edgeOf(info).request(outcome);
      if (info.trace?.sampled === true) options.spans.record(info);
    },
    flushOpen() {
      for (const info of opened) if (info.upstreamLocal !== '') countOpen(info);
      for (const [info, tcp] of open) countBytes(info, tcp);
    },
    get openTcp() {
      return open.size + opened.size;
    },
  };
}

function countBytes(info: StreamInfo, tcp: OpenTcp): void {
  const received = info.bytesReceived - tcp.received;
  const sent = info.bytesSent - tcp.sent;
  if (received === 0 && sent === 0) return;
  tcp.edge.tcpBytes(received, sent);
  tcp.received = info.bytesReceived;
  tcp.sent = info.bytesSent;
}
