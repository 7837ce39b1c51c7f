import assert from 'node:assert/strict';
import { it } from 'node:test';
import { graph, node } from '../graph/testdata.ts';
import { openGraphStream, type StreamPorts } from './graph-stream.ts';

type Handlers = Parameters<StreamPorts['openEvents']>[1];

function world(get: StreamPorts['get'] = async () => graph([node('polled')], [])) {
  const state = { now: 0, ticks: [] as (() => void)[], opened: [] as Handlers[], closed: 0 };
  const ports: StreamPorts = {
    now: () => state.now,
    every: (_ms, run) => {
      state.ticks.push(run);
      return () => (state.ticks = state.ticks.filter((one) => one !== run));
    },
    openEvents: (_path, handlers) => {
      state.opened.push(handlers);
      return () => (state.closed += 1);
    },
    get,
  };
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 500) {
      state.now += 500;
      for (const tick of state.ticks) tick();
    }
  };
  const stream = openGraphStream({ pushPath: '/push', pollPath: '/poll', pollMs: undefined }, ports);
  return { state, stream, pass };
}

it('is live by push, stale within five seconds of silence, live again with the next sign', () => {
  const { state, stream, pass } = world();
  state.opened[0]?.frame(JSON.stringify({ sequence: 1, sentAtMs: 1, graph: graph([node('a')], []) }));
  assert.equal(stream.state().t, 'live');
  pass(3000);
  state.opened[0]?.alive();
  pass(3500);
  assert.equal(stream.state().t, 'live', 'a heartbeat counts');
  pass(1500);
  const stale = stream.state();
  assert.equal(stale.t === 'stale' && stale.frame?.elements.nodes[0]?.data.id, 'a', 'the last picture stays');
  state.opened[0]?.frame(JSON.stringify(graph([node('b')], [])));
  assert.equal(stream.state().t, 'live');
  state.opened[0]?.frame('{broken');
  assert.equal(stream.state().t, 'live');
  stream.close();
  assert.deepEqual([state.ticks.length, state.closed], [0, 1]);
});

it('reads by polling where push is refused, tries push again, and says when nothing answers', async () => {
  let fails = false;
  const { state, stream, pass } = world(async () => {
    if (fails) throw new Error('gone');
    return graph([node('polled')], []);
  });
  state.opened[0]?.refused();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([stream.state().t, (stream.state() as { by?: string }).by], ['live', 'poll']);
  fails = true;
  pass(2500);
  await new Promise((resolve) => setImmediate(resolve));
  const stale = stream.state();
  assert.deepEqual([stale.t, stale.t === 'stale' ? stale.reason : ''], ['stale', 'gone']);
  pass(15_000);
  assert.ok(state.opened.length >= 2, 'push is tried again');
});

it('says when there was never an answer', () => {
  const { stream, pass } = world();
  pass(5000);
  assert.equal(stream.state().t, 'stale');
});
