import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeYaml, ofKind } from '@meltemi/api';
import { formatProblem, type ObjectRef, type Problem } from '@meltemi/base';
import { buildPushContext, DEFAULT_MESH_CONFIG, serviceFromKubernetes, servicesFromServiceEntry, type Workload } from '@meltemi/model';
import { sampleWorkload } from '@meltemi/model/testing';
import { analysisContext, analyze, createAnalysis, review, type AnalysisInputs } from './analyze.ts';
import type { AnalysisContext } from './analyzer.ts';
import { ANALYZERS } from './analyzers/index.ts';
import { CODES } from './codes.ts';

const WRITE = process.env['MELTEMI_GOLDEN'] === 'write';
const folder = new URL('./testdata/', import.meta.url);
const names = readdirSync(folder);
const inputs = names.filter((name) => name.endsWith('.yaml'));
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');

/** The mesh of a test file: its objects, a workload for each line `# workload NAME NAMESPACE LABELS`, and keys for each `# keys URL JWKS FAULT` (`-`: none). */
function meshOf(file: string): AnalysisInputs {
  const text = read(file);
  const { configs, problems } = decodeYaml(text, { file });
  assert.deepEqual(problems.map(formatProblem), [], file);
  const services = [
    ...ofKind(configs, 'Service').map((config) => serviceFromKubernetes(config, DEFAULT_MESH_CONFIG)),
    ...ofKind(configs, 'ServiceEntry').flatMap((config) => servicesFromServiceEntry(config, DEFAULT_MESH_CONFIG)),
  ];
  const workloads = [...text.matchAll(/^# workload (\S+) (\S+) (\S+)$/gm)].map(([, name = '', namespace = '', labels = '']) =>
    workload(name, namespace, labels),
  );
  const keySets = new Map(
    [...text.matchAll(/^# keys (\S+) (\S+) (.+)$/gm)].map(([, url = '', jwks = '', fault = '']) => {
      const given = (value: string): string | undefined => (value === '-' ? undefined : value);
      return [`keys ${url}`, { jwks: given(jwks), fault: given(fault) }] as const;
    }),
  );
  return { push: buildPushContext({ mesh: DEFAULT_MESH_CONFIG, services, configs, keySets }), workloads };
}

function workload(name: string, namespace: string, labels: string): Workload {
  const pairs = labels.split(',').map((pair) => pair.split('=') as [string, string]);
  return sampleWorkload({ name, namespace, labels: Object.fromEntries(pairs), serviceAccount: name });
}

for (const file of inputs) {
  test(`analysis of ${file}`, () => {
    const golden = file.replace(/\.yaml$/, '.txt');
    const actual = `${analyze(meshOf(file)).map(formatProblem).join('\n') || 'nothing is wrong'}\n`;
    if (WRITE) writeFileSync(new URL(golden, folder), actual);
    assert.equal(actual, read(golden));
  });
}

test('no golden is left over, and every code is seen in one', () => {
  assert.deepEqual(
    names.filter((name) => name.endsWith('.txt') && !inputs.includes(name.replace(/\.txt$/, '.yaml'))),
    [],
  );
  const seen = new Set(inputs.flatMap((file) => analyze(meshOf(file)).map((problem) => problem.code)));
  assert.deepEqual(
    Object.keys(CODES).filter((code) => !seen.has(code)),
    [],
  );
});

test('analyzers have names of their own, report their own codes and read what they declare', () => {
  assert.equal(new Set(ANALYZERS.map((analyzer) => analyzer.name)).size, ANALYZERS.length);
  assert.deepEqual(ANALYZERS.flatMap((analyzer) => analyzer.codes).toSorted(), Object.keys(CODES).toSorted(), 'every code has one analyzer');
  for (const analyzer of ANALYZERS) {
    const seen = new Set<string>();
    for (const file of inputs) {
      for (const finding of analyzer.analyze(recording(analysisContext(meshOf(file)), seen)))
        assert.ok(analyzer.codes.includes(finding.code), `${analyzer.name} reports ${finding.code}`);
    }
    assert.deepEqual([...seen].toSorted(), [...analyzer.reads].toSorted(), analyzer.name);
  }
});

function recording(context: AnalysisContext, seen: Set<string>): AnalysisContext {
  const note = <T>(name: string, value: T): T => {
    seen.add(name);
    return value;
  };
  return {
    mesh: () => note('mesh', context.mesh()),
    services: () => note('services', context.services()),
    workloads: () => note('workloads', context.workloads()),
    keySets: () => note('keySets', context.keySets()),
    configs: (kind) => note(kind, context.configs(kind)),
    subjects: (kind) => note(kind, context.subjects(kind)),
  };
}

function problemsOf(mesh: AnalysisInputs, ref: ObjectRef): readonly Problem[] {
  return analyze(mesh).filter(({ object }) => object?.kind === ref.kind && object.namespace === ref.namespace && object.name === ref.name);
}

test('an analysis that goes on finds what a new one finds, object by object taken away, put back and reviewed', () => {
  for (const file of inputs) {
    const mesh = meshOf(file);
    const analysis = createAnalysis();
    assert.deepEqual(analysis.problems(mesh), analyze(mesh));
    const { configs } = mesh.push.inputs;
    for (const removed of configs) {
      const less = { ...mesh, push: { ...mesh.push, inputs: { ...mesh.push.inputs, configs: configs.filter((config) => config !== removed) } } };
      assert.deepEqual(analysis.problems(less), analyze(less), `${file} without ${removed.kind} ${removed.meta.name}`);
      const { kind, meta } = removed;
      assert.deepEqual(review(less, removed), problemsOf(mesh, { kind, namespace: meta.namespace, name: meta.name }), `${file} ${kind} ${meta.name}`);
    }
    assert.deepEqual(analysis.problems(mesh), analyze(mesh));
  }
});

test('one object alone, and where the mesh refuses unknown hosts', () => {
  const mesh = meshOf('destination-rule.yaml');
  const ref = { kind: 'DestinationRule', namespace: 'bookinfo', name: 'unknown' };
  assert.deepEqual(
    problemsOf(mesh, ref).map((problem) => [problem.code, problem.severity]),
    [['KIA0202', 'warning']],
  );
  const strict = { ...mesh, push: { ...mesh.push, mesh: { ...DEFAULT_MESH_CONFIG, outboundTrafficPolicy: 'REGISTRY_ONLY' as const } } };
  assert.deepEqual(
    problemsOf(strict, ref).map((problem) => problem.severity),
    ['error'],
  );
});

test('an object is reviewed before it is in the mesh', () => {
  const mesh = meshOf('bookinfo-good.yaml');
  const [candidate] = decodeYaml(
    read('bookinfo-good.yaml')
      .split('---')
      .find((part) => part.includes('kind: VirtualService'))
      ?.replace('host: reviews,', 'host: rewiews,') ?? '',
  ).configs;
  assert.ok(candidate !== undefined);
  assert.deepEqual(
    review(mesh, candidate).map((problem) => [problem.code, problem.fix?.text]),
    [
      ['KIA1101', 'Did you mean "reviews"?'],
      ['KIA1107', undefined],
    ],
  );
  assert.deepEqual(analyze(mesh), []);
});

/** A policy in each of so many namespaces, all for one issuer and each for another audience; how often workloads are asked where they are. */
function looksAtWorkloads(namespaces: number): number {
  const names = Array.from({ length: namespaces }, (_, index) => `ns${index}`);
  const policy = (namespace: string): string => `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens, namespace: ${namespace} }
spec: { jwtRules: [{ issuer: one, audiences: [${namespace}], jwksUri: https://one.example/keys }] }`;
  const { configs } = decodeYaml(names.map(policy).join('\n---\n'), { file: 'tokens.yaml' });
  let looks = 0;
  const workloads = names.map((namespace) =>
    Object.defineProperty(workload('web', namespace, 'app=web'), 'namespace', {
      get: () => {
        looks++;
        return namespace;
      },
    }),
  );
  assert.deepEqual(analyze({ push: buildPushContext({ mesh: DEFAULT_MESH_CONFIG, services: [], configs }), workloads }), []);
  return looks;
}

test('policies of many namespaces for one issuer are not compared each with each', () => {
  const [few, many] = [looksAtWorkloads(20), looksAtWorkloads(80)];
  assert.ok(many <= few * 5, `${few} looks for 20 namespaces, ${many} for 80`);
});
