// What npm does not tell its scripts on Linux. Where /bin/sh is dash or busybox, npm's shell stays between npm and us: a SIGINT for npm
// alone is passed to that shell, which keeps it to itself until we end, and the shell outlives an npm that was killed. Elsewhere the
// shell gives its place to us, and our parent is npm itself. Plain JavaScript: it runs on whatever Node npm found.
import { readFileSync } from 'node:fs';

const CHECK_MS = 250;
/** A pause this long was not a busy machine: everybody was stopped, and woke up for that reason. */
const ASLEEP_MS = 3_000;

/**
 * Calls `stop` once npm was interrupted or is gone. Does nothing where this cannot be seen.
 * @param {(signal: NodeJS.Signals) => void} stop
 */
export function watchNpm(stop) {
  const shell = process.ppid;
  if (process.env['npm_lifecycle_event'] === undefined || !/^(sh|dash|ash|busybox)$/.test(field(shell, 'Name') ?? '')) return;
  const npm = Number(field(shell, 'PPid'));
  // Both do nothing but wait for us: when both have run, npm got a signal and passed it on.
  const counts = () => [wakes(npm), wakes(shell)];
  // Two looks back, so that a signal between the two readings of one look is not missed.
  let [older, before] = [counts(), counts()];
  let last = Date.now();
  let resumed = false;
  const watch = setInterval(() => {
    if (field(shell, 'PPid') !== String(npm)) return end('SIGTERM');
    const now = counts();
    const slept = resumed || Date.now() - last > ASLEEP_MS;
    if (!slept && now.every((count, index) => count > older[index])) return end('SIGINT');
    [older, before] = slept ? [now, now] : [before, now];
    last = Date.now();
    resumed = false;
  }, CHECK_MS);
  watch.unref();
  process.on('SIGCONT', () => (resumed = true));
  const end = (signal) => {
    clearInterval(watch);
    stop(signal);
  };
}

/** How often a process has been woken. @param {number} pid */
const wakes = (pid) => Number(field(pid, 'voluntary_ctxt_switches') ?? Number.NaN);

/** A line of /proc/PID/status; undefined where there is none. @param {number} pid @param {string} name */
function field(pid, name) {
  try {
    return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}
