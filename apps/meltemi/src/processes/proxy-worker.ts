import { runProxy } from '@meltemi/proxy';

/** The embedded proxy as a child of an agent; see `@meltemi/proxy`. */
export async function runProxyWorker(): Promise<void> {
  process.exit(await runProxy(process.env));
}
