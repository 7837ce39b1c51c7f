import pc from 'picocolors';
import type { Output } from '../output/output.ts';

/** What a person sees while the demo starts; on stderr, so that `--json` leaves stdout to the one object. */
export interface Progress {
  done(text: string): void;
  note(text: string): void;
  warn(text: string): void;
}

export function createProgress(out: Output): Progress {
  const started = performance.now();
  const time = (): string => pc.dim(`${((performance.now() - started) / 1000).toFixed(1).padStart(5)}s`);
  return {
    done: (text) => out.note(`${time()} ${pc.green('✔')} ${text}`),
    note: (text) => out.note(`${time()}   ${text}`),
    warn: (text) => out.note(`${time()} ${pc.yellow('!')} ${text}`),
  };
}
