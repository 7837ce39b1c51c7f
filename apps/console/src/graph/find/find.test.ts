import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildModel } from '../model.ts';
import { small } from '../testdata.ts';
import { findIn, hideFrom } from './apply.ts';
import { completions } from './help.ts';
import { OPERANDS } from './operands.ts';
import { parseFind, type FindQuery } from './parse.ts';

const model = buildModel(small());

function query(text: string): FindQuery {
  const parsed = parseFind(text);
  assert.equal(parsed.t, 'ok', `${text}: ${parsed.t === 'error' ? parsed.message : ''}`);
  return (parsed as Extract<typeof parsed, { t: 'ok' }>).query;
}

describe('find and hide', () => {
  it('selects what the expression says', () => {
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ['rt > 130', ['svc>reviews-v2']],
      ['response time > 130', ['svc>reviews-v2']],
      ['responsetime >= 12', ['svc>reviews-v1', 'svc>reviews-v2']],
      ['RT < 100', ['svc>reviews-v1']],
      ['healthy', ['reviews-v1']],
      ['! healthy', ['reviews-v2']],
      ['not healthy', ['reviews-v2']],
      ['is healthy', ['reviews-v1']],
      ['has virtualservice', ['reviews-v2']],
      ['vs', ['reviews-v2']],
      ['name = reviews', ['svc', 'reviews-v1', 'reviews-v2']],
      ['app startswith rev and version = v2', ['reviews-v2']],
      ['name != reviews', ['gateway', 'db']],
      ['name contains view', ['svc', 'reviews-v1', 'reviews-v2']],
      ['workload endswith -v2-v1', ['reviews-v2']],
      ['wl !contains reviews', ['gateway', 'svc', 'db']],
      ['ns = istio-system', ['gateway']],
      ['node = service', ['svc']],
      ['node = service or %httperr > 50', ['svc', 'svc>reviews-v2']],
      ['http > 2 and http < 4', ['svc>reviews-v1']],
      ['tcp = 200', ['reviews-v2>db']],
      ['http = NaN', ['reviews-v2>db']],
      ['mtls', ['gateway>svc']],
      ['! mtls', ['svc>reviews-v1', 'svc>reviews-v2', 'reviews-v2>db']],
      ['trafficsource', ['gateway']],
      ['rank = 1', ['db']],
      ['rank <= 2', ['svc', 'db']],
      ['protocol = tcp', ['reviews-v2>db']],
      ['label:x', []],
      ['! label:x', ['gateway', 'svc', 'reviews-v1', 'reviews-v2', 'db']],
      ['name="reviews" && version=v2 || node=service', ['svc', 'reviews-v2']],
    ];
    for (const [text, expected] of cases) assert.deepEqual([...findIn(model, query(text))], expected, text);
  });

  it('says what is wrong with an expression', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /empty/],
      ['(a)', /Parentheses/],
      ['healthy and rt > 1', /only by OR/],
      ['rt', /needs an operator/],
      ['rt contains 5', /is a number/],
      ['name > 5', /is text/],
      ['rt > fast', /"fast" is not a number/],
      ['helthy', /not an operand/],
      ['respons > 1', /did you mean "responsetime"/],
      ['healthy = true', /stands alone/],
      ['name =', /needs a value/],
      ['healthy and', /not an operand|missing/],
    ];
    for (const [text, message] of cases) {
      const parsed = parseFind(text);
      assert.equal(parsed.t, 'error', text);
      assert.match(parsed.t === 'error' ? parsed.message : '', message, text);
    }
  });

  it('hides nodes with their edges and boxes that became empty, and keeps the rest', () => {
    const shown = hideFrom(model, query('app = reviews'));
    assert.deepEqual([[...shown.nodes.keys()], [...shown.edges.keys()]], [['gateway', 'db'], []]);
    assert.deepEqual([...hideFrom(model, query('version = v2')).nodes.keys()], ['box', 'gateway', 'svc', 'reviews-v1', 'db']);
    assert.deepEqual([...hideFrom(model, query('protocol = tcp')).edges.keys()], ['gateway>svc', 'svc>reviews-v1', 'svc>reviews-v2']);
  });

  it('asks for the options that an expression needs, and completes words', () => {
    assert.deepEqual(query('rt > 5 or mtls or rank < 3').needs, ['responseTime', 'badgeSecurity', 'rank']);
    assert.deepEqual(completions('name = x and req'), ['requestrouting', 'requesttimeout']);
  });

  it('has no name twice', () => {
    const names = OPERANDS.flatMap((one) => [one.name, ...one.aliases]);
    assert.equal(new Set(names).size, names.length);
  });
});
