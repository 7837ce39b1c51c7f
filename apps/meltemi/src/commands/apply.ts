import { writeFileSync } from 'node:fs';
import { applyFixes, kindByName, toObject, type Config, type DecodedDocument } from '@meltemi/api';
import { formatProblem, MeshError, type Problem } from '@meltemi/base';
import { connect, type ControlPlaneClient } from '../client/control-plane-client.ts';
import { decodeInputs, readInputs, type Input } from '../client/inputs.ts';
import { displayName, resourcePath } from '../client/objects.ts';
import { acknowledged } from '../client/proxies.ts';
import { defineCommand, secondsOf, text, texts } from '../define-command.ts';
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
    { flags: '--timeout <seconds>', text: 'how long --wait waits (at most 60)', default: '10' },
    serverOption,
  ],
  async run({ options, out }) {
    const paths = texts(options, 'filename');
    if (paths.length === 0) throw new MeshError('cli/usage', 'say what to apply: meltemi apply -f FILE, -f FOLDER or -f - for standard input');
    const timeoutMs = secondsOf(text(options, 'timeout'), '--timeout', 60);
    const namespace = text(options, 'namespace') ?? 'default';
    const dryRun = options['dryRun'] === true;
    const read = await readInputs(paths);
    const inputs = options['fix'] === true ? read.map((input) => fixInput(input, namespace, dryRun, out)) : read;
    const decoded = decodeInputs(inputs, namespace);
    report(decoded.problems, out);
    if (decoded.configs.length === 0 && decoded.problems.length === 0) {
      out.error(`${inputs.map((input) => input.file).join(', ')}: no object is in it`);
      return 1;
    }
    const client = connect({ server: text(options, 'server') });
    const results = await applyAll(client, decoded.configs, dryRun, out);
    if (!dryRun) await reviewApplied(client, decoded.configs, decoded.documents, out);
    const acknowledged = options['wait'] !== true || dryRun || (await waitForProxies(client, timeoutMs, out));
    return decoded.problems.some((problem) => problem.severity === 'error') || results.refused > 0 || !acknowledged ? 1 : 0;
  },
});

/** Corrects what has a safe correction; a file is rewritten unless nothing is to be changed, standard input only in memory. */
function fixInput(input: Input, namespace: string, dryRun: boolean, out: Output): Input {
  const { problems } = decodeInputs([input], namespace);
  const fixable = problems.filter((problem) => problem.fix?.edit !== undefined);
  if (fixable.length === 0) return input;
  const text = applyFixes(input.text, fixable);
  for (const { origin, path, fix } of fixable)
    out.note(
      `${dryRun ? 'would fix' : 'fixed'} ${input.file}:${origin?.line ?? 0} ${path}: ${fix?.text.split('\n')[0]?.replace(/ The block then reads:$/, '') ?? ''}`,
    );
  if (input.file !== 'stdin' && !dryRun) writeFileSync(input.file, text);
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
    const kind = kindByName(config.kind);
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
  const kind = kindByName(config.kind);
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

async function waitForProxies(client: ControlPlaneClient, timeoutMs: number, out: Output): Promise<boolean> {
  const result = await acknowledged(client, timeoutMs);
  for (const refusal of result.rejected) out.error(`${refusal.nodeId} refused it: ${refusal.message}`);
  if (result.t === 'timeout') out.error(`not acknowledged within ${timeoutMs / 1000} s by: ${result.pending.join(', ')}`);
  if (result.t === 'acknowledged')
    out.note(
      result.acknowledged === 0
        ? 'no proxy is connected; who connects gets it'
        : `acknowledged by ${countOf(result.acknowledged, 'proxy', 'proxies')}`,
    );
  return result.t === 'acknowledged';
}

function countOf(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
