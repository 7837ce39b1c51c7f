import { webSocketClose } from '@meltemi/wire';
import type { Exchange } from './exchange.ts';

/** "Going away" (RFC 6455 section 7.4.1). */
const GOING_AWAY = 1001;
const FAREWELL = Buffer.from(webSocketClose(GOING_AWAY, 'the proxy is shutting down'));

/** Says on a WebSocket why it ends, if the upstream is not in the middle of a frame; nothing on other tunnels. */
export function lastFrame(x: Exchange): void {
  x.info.connectionTerminationDetails = 'drain_time_expired';
  if (x.frames?.between === true) x.downstream.write(FAREWELL, 0, FAREWELL.length);
}
