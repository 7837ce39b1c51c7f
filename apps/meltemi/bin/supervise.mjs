// Stands in for a child process: passes signals on, ends it when our own starter is gone. Plain JavaScript: it must run on any Node.

const PARENT_CHECK_MS = 500;

/**
 * Resolves with the exit code to end with. A terminal sends Ctrl-C to the whole process group and a supervisor only to us, so every signal
 * is passed on; a child that gets it twice counts one. Windows has no signals to pass: its consoles reach every process by themselves.
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<number>}
 */
export function supervise(child) {
  const pass = (signal) => void (process.platform !== 'win32' && child.kill(signal));
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
  for (const signal of signals) process.on(signal, pass);
  // npm that is killed outright tells nobody.
  const parent = process.ppid;
  const watch = setInterval(() => process.ppid !== parent && pass('SIGTERM'), PARENT_CHECK_MS);
  watch.unref();
  return new Promise((resolve) => {
    const end = (code) => {
      clearInterval(watch);
      for (const signal of signals) process.off(signal, pass);
      resolve(code);
    };
    child.once('error', (error) => {
      console.error(`meltemi: ${child.spawnfile} could not be started: ${error.message}`);
      end(127);
    });
    child.once('exit', (code, signal) => end(signal === null ? (code ?? 1) : 143));
  });
}
