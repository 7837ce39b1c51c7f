import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { browserPorts } from '../../api/browser-ports.ts';
import { query } from '../../api/fetch.ts';
import { openGraphStream, type GraphStream, type StreamState } from '../../api/graph-stream.ts';
import { LIVE, protocolsOf, type Options } from '../../url/params.ts';

const RESPONSE_TIMES = { avg: 'avg', rt50: '50', rt95: '95', rt99: '99' } as const;

/** The graph's parameters, named as Kiali's API names them. */
function graphParams(options: Options, namespaces: readonly string[]): string {
  const protocols = protocolsOf(options.traffic);
  const appenders = [
    'deadNode',
    'istio',
    'serviceEntry',
    'meshCheck',
    'workloadEntry',
    'health',
    'responseTime',
    'securityPolicy',
    'throughput',
    ...(options.idleNodes ? ['idleNode'] : []),
  ];
  return query({
    namespaces: namespaces.join(','),
    graphType: options.graphType,
    duration: `${options.durationSeconds}s`,
    injectServiceNodes: options.serviceNodes,
    includeIdleEdges: options.idleEdges,
    boxBy: ['app', ...(options.boxNamespace ? ['namespace'] : []), ...(options.boxCluster ? ['cluster'] : [])].join(','),
    appenders: appenders.join(','),
    responseTime: RESPONSE_TIMES[options.edgeLabels.responseTime],
    throughputType: options.edgeLabels.throughput === 'throughputResponse' ? 'response' : 'request',
    rateHttp: protocols.has('http') ? 'requests' : 'none',
    rateGrpc: protocols.has('grpc') ? 'requests' : 'none',
    rateTcp: protocols.has('tcp') ? 'sent' : 'none',
  });
}

const CONNECTING: StreamState = { t: 'connecting' };

/** The stream of frames for the current options; a change of parameters opens another one and keeps the picture until it speaks. */
export function useGraphStream(options: Options, namespaces: readonly string[]): StreamState {
  const params = graphParams(options, namespaces);
  const { refreshMs } = options;
  const enabled = namespaces.length > 0;
  const [stream, setStream] = useState<GraphStream>();
  useEffect(() => {
    if (!enabled) {
      setStream(undefined);
      return;
    }
    const opened = openGraphStream(
      {
        pushPath: `/meltemi/v1/stream/graph${params}`,
        pollPath: `/api/namespaces/graph${params}`,
        pollMs: refreshMs === LIVE ? undefined : Math.max(0, refreshMs),
      },
      browserPorts,
    );
    setStream(opened);
    return () => opened.close();
  }, [params, refreshMs, enabled]);
  const subscribe = useMemo(() => (changed: () => void) => stream?.subscribe(changed) ?? (() => {}), [stream]);
  return useSyncExternalStore(subscribe, () => stream?.state() ?? CONNECTING);
}
