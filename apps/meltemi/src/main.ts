/** Entry of every process of the product. The hot ones (agent, proxy) skip the command tree: twenty of them start at once in a demo. */
import { enableCompileCache } from 'node:module';

enableCompileCache();

const verb = process.argv[2];
if (verb === 'proxy-worker') {
  const { runProxyWorker } = await import('./processes/proxy-worker.ts');
  await runProxyWorker();
} else if (verb === 'agent-worker') {
  (await import('./processes/small-heap.ts')).keepHeapSmallest();
  const { runAgentWorker } = await import('./processes/agent-worker.ts');
  await runAgentWorker();
} else {
  const { keepHeapSmall, keepHeapSmallest } = await import('./processes/small-heap.ts');
  if (verb === 'control-plane') keepHeapSmall();
  if (verb === 'run' || verb === 'proxy') keepHeapSmallest();
  const { runCli } = await import('./cli.ts');
  process.exitCode = await runCli(process.argv.slice(2));
}
