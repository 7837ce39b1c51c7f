import { H2_ERROR } from './error-codes.ts';
import { MAX_WINDOW, SETTING, SMALLEST_FRAME_LIMIT, uint32 } from './frames.ts';
import type { SessionCore } from './session-core.ts';

/** Takes the settings of a SETTINGS frame (RFC 9113 section 6.5.2), `bytes[start, end)`; answers an error code, 0 = all right. */
export function takeSettings<Owner>(core: SessionCore<Owner>, bytes: Uint8Array, start: number, end: number): number {
  const before = core.peer.initialWindowSize;
  for (let p = start; p < end; p += 6) {
    const code = takeSetting(core, ((bytes[p] as number) << 8) | (bytes[p + 1] as number), uint32(bytes, p + 2));
    if (code !== 0) return code;
  }
  // Once for the frame, which may name it a thousand times.
  return widenWindows(core, core.peer.initialWindowSize - before);
}

function takeSetting<Owner>(core: SessionCore<Owner>, id: number, value: number): number {
  const { peer } = core;
  const code = settingError(core, id, value);
  if (code !== 0) return code;
  if (id === SETTING.headerTableSize) core.encoder.allow(value);
  else if (id === SETTING.maxConcurrentStreams) peer.maxConcurrentStreams = value;
  else if (id === SETTING.initialWindowSize) peer.initialWindowSize = value;
  else if (id === SETTING.maxFrameSize) peer.maxFrameSize = value;
  else if (id === SETTING.enableConnectProtocol) peer.enableConnectProtocol = value === 1;
  return 0;
}

/** What is wrong with a value. Unknown settings are let alone. */
function settingError<Owner>({ peer, isServer }: SessionCore<Owner>, id: number, value: number): number {
  switch (id) {
    case SETTING.enablePush:
      // A server must not offer to be pushed to.
      return protocolErrorIf(value > (isServer ? 1 : 0));
    case SETTING.initialWindowSize:
      return value > MAX_WINDOW ? H2_ERROR.flowControlError : 0;
    case SETTING.maxFrameSize:
      return protocolErrorIf(value < SMALLEST_FRAME_LIMIT || value > 0xffffff);
    case SETTING.enableConnectProtocol:
      // It cannot be taken back (RFC 8441 section 3).
      return protocolErrorIf(value > 1 || (value === 0 && peer.enableConnectProtocol));
    default:
      return 0;
  }
}

function protocolErrorIf(wrong: boolean): number {
  return wrong ? H2_ERROR.protocolError : 0;
}

/** Another initial window changes what streams that are open have left (section 6.9.2). */
function widenWindows<Owner>(core: SessionCore<Owner>, change: number): number {
  let code = 0;
  if (change === 0) return code;
  for (const stream of core.streams.values()) {
    stream.sendWindow += change;
    if (stream.sendWindow > MAX_WINDOW) code = H2_ERROR.flowControlError;
  }
  return code;
}
