import type { Http2Session } from 'node:http2';

/**
 * Pings a session that has calls open, and destroys it when no answer comes: a peer whose machine vanished is noticed though TCP says
 * nothing. Timers never keep the process alive.
 */
export function keepAlive(session: Http2Session, intervalMs: number, timeoutMs: number, hasCalls: () => boolean): void {
  if (intervalMs <= 0) return;
  let deadline: NodeJS.Timeout | undefined;
  const interval = setInterval(() => {
    if (deadline !== undefined || session.destroyed || !hasCalls()) return;
    // A turn later: after a long one of ours, the answer may be here and not read yet.
    const asked = (deadline = setTimeout(() => setImmediate(() => deadline === asked && session.destroy()), timeoutMs));
    deadline.unref();
    const sent = session.ping(() => {
      clearTimeout(deadline);
      deadline = undefined;
    });
    if (!sent) session.destroy();
  }, intervalMs);
  interval.unref();
  session.once('close', () => {
    clearInterval(interval);
    clearTimeout(deadline);
  });
}
