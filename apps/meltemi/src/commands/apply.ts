import { writeFileSync } from 'node:fs';
import { applyFixes, kindOf, toObject, type Config, type DecodedDocument } from '@meltemi/api';
import { formatProblem, MeshError, type Problem } from '@meltemi/base';
import { connect, type ControlPlaneClient } from '../client/control-plane-client.ts';
import { decodeInputs, readInputs, type Input } from '../client/inputs.ts';
import { displayName, resourcePath } from '../client/objects.ts';
import { acknowledged } from '../client/proxies.ts';
import { defineCommand, text } from '../define-command.ts';
import type { Output } from '../output/output.ts';
import { serverOption } from './shared.ts';

export const apply = defineCommand({
  name: 'apply',
  summary: 'Create or change configuration from files',
  help: 'Checks every object of the files, tells all that is wrong with file, line and fix, and applies the good ones.\nWhat is applied is in force at the proxies within a second; --wait waits until the last one has acknowledged it.',
  examples: [
    'meltemi apply -f routing.yaml',
    'cat routing.yaml | meltemi apply -f -',
    'meltemi apply -f samples/bookinfo --dry-run',
    'meltemi apply -f routing.yaml --fix',
  ],
  options: [
    { flags: '-f, --filename <path...>', text: 'file or folder; - reads standard input' },
    { flags: '-n, --namespace <name>', text: 'namespace of objects that name none', default: 'default' },
    { flags: '--dry-run', text: 'check and say what would happen, change nothing' },
    { flags: '--fix', text: 'correct what has a safe correction, in the file too, and apply the result' },
    { flags: '--wait', text: 'return when the last proxy has acknowledged it' },
    { flags: '--timeout <seconds>', text: 'how long --wait waits', default: '10' },
    serverOption,
  ],
  async run({ options, out }) {
    const paths = options['filename'];
    if (!Array.isArray(paths) || paths.length === 0)
      throw new MeshError('cli/usage', 'say what to apply: meltemi apply -f FILE, -f FOLDER or -f - for standard input');
    const namespace = text(options, 'namespace') ?? 'default';
    const read = await readInputs(paths as string[]);
    const inputs = options['fix'] === true ? read.map((input) => fixInput(input, namespace, out)) : read;
    const decoded = decodeInputs(inputs, namespace);
    report(decoded.problems, out);
    const client = connect({ server: text(options, 'server') });
    const dryRun = options['dryRun'] === true;
    const results = await applyAll(client, decoded.configs, dryRun, out);
    if (!dryRun) await reviewApplied(client, decoded.configs, decoded.documents, out);
    const acknowledged = options['wait'] !== true || dryRun || (await waitForProxies(client, Number(text(options, 'timeout') ?? '10'), out));
    if (decoded.configs.length === 0 && decoded.problems.length === 0) out.note('The input holds no objects.');
    return decoded.problems.some((problem) => problem.severity === 'error') || results.refused > 0 || !acknowledged ? 1 : 0;
  },
});

/** Corrects what has a safe correction; a file is rewritten, standard input only in memory. */
function fixInput(input: Input, namespace: string, out: Output): Input {
  const { problems } = decodeInputs([input], namespace);
  const fixable = problems.filter((problem) => problem.fix?.edit !== undefined);
  if (fixable.length === 0) return input;
  const text = applyFixes(input.text, fixable);
  for (const problem of fixable) out.note(`fixed ${input.file}:${problem.origin?.line ?? 0} ${problem.path}: ${problem.fix?.text ?? ''}`);
  if (input.file !== 'stdin') writeFileSync(input.file, text);
  return { ...input, text };
}

function report(problems: readonly Problem[], out: Output): void {
  for (const problem of problems) {
    out.note(formatProblem(problem));
    if (problem.fix?.edit !== undefined) out.note('  ("meltemi apply --fix" makes this correction.)');
  }
}

/** Namespaces and accounts before what stands in them, services before routes: order of dependence, else as written. */
const FIRST = ['Namespace', 'ServiceAccount', 'Service', 'ServiceEntry', 'WorkloadEntry', 'DestinationRule', 'Gateway'];

function inOrder(configs: readonly Config[]): readonly Config[] {
  const rank = (config: Config): number => (FIRST.includes(config.kind) ? FIRST.indexOf(config.kind) : FIRST.length);
  return configs.toSorted((a, b) => rank(a) - rank(b));
}

async function applyAll(client: ControlPlaneClient, configs: readonly Config[], dryRun: boolean, out: Output): Promise<{ readonly refused: number }> {
  let refused = 0;
  for (const config of inOrder(configs)) {
    const kind = kindOf(config.apiVersion, config.kind);
    if (kind === undefined) continue;
    const name = displayName(kind, config.meta.name);
    try {
      out.line(`${name} ${await applyOne(client, config, dryRun)}${dryRun ? ' (dry run)' : ''}`);
    } catch (error) {
      // A refusal is about this object; that nobody is there or lets us in is about all of them.
      if (!(error instanceof MeshError) || !error.code.startsWith('cli/http-')) throw error;
      refused++;
      out.error(`${name} (${config.origin.file ?? config.origin.source}:${config.origin.line ?? 0}) was refused: ${error.message}`);
    }
  }
  return { refused };
}

/** Server-side apply of one object; answers `created`, `configured` or `unchanged`. */
export async function applyOne(client: ControlPlaneClient, config: Config, dryRun = false): Promise<string> {
  const kind = kindOf(config.apiVersion, config.kind);
  if (kind === undefined) throw new MeshError('cli/usage', `${config.apiVersion} ${config.kind} is not a kind that can be applied`);
  const origin = config.origin.file === undefined ? undefined : encodeURIComponent(`${config.origin.file}:${config.origin.line ?? 1}`);
  const path = `${resourcePath(kind, config.meta.namespace, config.meta.name)}?fieldManager=meltemi&force=true${dryRun ? '&dryRun=All' : ''}`;
  const answer = await client.requestWithHeader('PATCH', path, 'meltemi-result', {
    body: JSON.stringify({
      ...toObject(config),
      apiVersion: kind.id.group === '' ? (kind.id.versions[0] ?? 'v1') : `${kind.id.group}/${kind.id.versions[0] ?? 'v1'}`,
    }),
    contentType: 'application/apply-patch+yaml',
    ...(origin === undefined ? {} : { headers: { 'meltemi-origin': origin } }),
  });
  return answer.header === '' ? 'configured' : answer.header;
}

/** What is wrong with the applied objects in the mesh as it is now (a host that exists nowhere, a subset that nobody defines), at their lines. */
async function reviewApplied(
  client: ControlPlaneClient,
  configs: readonly Config[],
  documents: readonly DecodedDocument[],
  out: Output,
): Promise<void> {
  if (configs.length === 0) return;
  const { problems } = await client.request<{ readonly problems: readonly Problem[] }>('GET', '/meltemi/v1/problems');
  const applied = problems.flatMap((problem) => {
    const config = configs.find(
      (candidate) =>
        candidate.kind === problem.object?.kind &&
        candidate.meta.namespace === problem.object.namespace &&
        candidate.meta.name === problem.object.name,
    );
    if (config === undefined) return [];
    const document = documents.find((candidate) => candidate.config === config);
    return [{ ...problem, origin: { ...config.origin, ...document?.locate(problem.path) } }];
  });
  report(applied, out);
}

async function waitForProxies(client: ControlPlaneClient, seconds: number, out: Output): Promise<boolean> {
  const timeoutMs = Math.round(seconds * 1000);
  const result = await acknowledged(client, timeoutMs);
  for (const refusal of result.rejected) out.error(`${refusal.nodeId} refused it: ${refusal.message}`);
  if (result.t === 'timeout') out.error(`not acknowledged within ${seconds} s by: ${result.pending.join(', ')}`);
  if (result.t === 'acknowledged') out.note(`acknowledged by ${result.acknowledged} proxies`);
  return result.t === 'acknowledged';
}
