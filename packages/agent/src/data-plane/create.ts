import { availableParallelism } from 'node:os';
import type { MetricRegistry, Span } from '@meltemi/telemetry/recording';
import { resourceAttributes, xdsNode } from '../node.ts';
import type { Platform } from '../platform.ts';
import type { Relay } from '../relay/relay.ts';
import type { AgentConfig } from '../types.ts';
import { adminAddress } from './admin-address.ts';
import type { DataPlaneDriver } from './data-plane.ts';
import { embeddedDriver } from './embedded.ts';

/** What a data plane gets from its agent. */
export interface DataPlaneContext {
  readonly config: AgentConfig;
  readonly socketPath: string;
  readonly relay: Relay;
  readonly registry: MetricRegistry;
  readonly addSpan: (span: Span) => void;
  readonly platform: Platform;
}

/** The driver for the data plane that the configuration names. Throws `envoy/…`. */
export async function createDataPlane(context: DataPlaneContext): Promise<DataPlaneDriver> {
  const { config, socketPath } = context;
  const { dataPlane, join, ports } = config;
  if (dataPlane.t === 'embedded') {
    return embeddedDriver(
      dataPlane.command,
      {
        agentSocket: socketPath,
        address: join.address,
        adminAddress: adminAddress(config),
        ...(config.interception === 'netns' && join.network !== undefined ? { machineAddress: join.network.gateway } : {}),
        adminPort: ports.admin,
        metricsPort: ports.proxyMetrics,
        node: xdsNode(config),
        drainMs: config.drainMs,
        workers: workersOf(join.proxy?.concurrency),
        ...(join.proxy?.drainMs === undefined ? {} : { retireMs: join.proxy.drainMs }),
      },
      {
        environment: { OTEL_RESOURCE_ATTRIBUTES: resourceAttributes(config), ...join.proxy?.environment },
        ownNamespace: config.interception === 'netns',
      },
    );
  }
  // Loaded only where it is used: most agents run our own proxy.
  const { envoyDriver } = await import('../envoy/driver.ts');
  return envoyDriver(context, dataPlane);
}

/** One thread is the main one; more are besides it, never more than there are processors for. */
function workersOf(concurrency: number | undefined): number {
  const threads = concurrency === 0 ? availableParallelism() : Math.min(concurrency ?? 1, availableParallelism());
  return threads <= 1 ? 0 : threads;
}
