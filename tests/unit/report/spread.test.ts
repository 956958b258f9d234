import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderGroups } from '../../../src/report/compare-groups.js';
import { spreadOf, verdict } from '../../../src/report/spread.js';
import { summaryFixture } from '../figures/summary-fixture.js';

test('mean and standard deviation', () => {
  assert.deepEqual(spreadOf([2, 4, 6]), { count: 3, mean: 4, deviation: 2 });
  assert.equal(spreadOf([5]).deviation, 0);
});

test('a verdict where the difference stands out from the spread, and only there', () => {
  assert.equal(verdict(spreadOf([10, 10.1, 9.9]), spreadOf([12, 12.1, 11.9])), 'higher');
  assert.equal(verdict(spreadOf([10, 10.1, 9.9]), spreadOf([8, 8.1, 7.9])), 'lower');
  assert.equal(verdict(spreadOf([10, 14, 6]), spreadOf([12, 16, 8])), 'open');
  assert.equal(verdict(spreadOf([10, 10]), spreadOf([12, 12])), 'few');
});

test('counts that repeat exactly differ when their values do', () => {
  assert.equal(verdict(spreadOf([7, 7, 7]), spreadOf([8, 8, 8])), 'higher');
  assert.equal(verdict(spreadOf([7, 7, 7]), spreadOf([7, 7, 7])), 'open');
});

test('of groups drawn from one distribution about one in twenty gets a verdict', () => {
  let state = 1;
  const uniform = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const draw = (count: number) => spreadOf(Array.from({ length: count }, normal));
  const wrong = Array.from({ length: 4000 }, () => verdict(draw(5), draw(5))).filter((v) => v !== 'open');
  assert.ok(wrong.length / 4000 > 0.025 && wrong.length / 4000 < 0.06, `${wrong.length / 40} %`);
});

test('groups side by side, with change and verdict', () => {
  const withSpeed = (times: number, speed: number) =>
    summaryFixture(times, ({ workload }) => {
      if (workload) workload.tokensPerSecond = speed;
    });
  const fast = [1, 1.01, 0.99].map((f) => withSpeed(1, 8 * f));
  const slow = [1, 1.01, 0.99].map((f) => withSpeed(2, 2 * f));
  const text = renderGroups([
    { name: 'enough', summaries: fast },
    { name: 'limit', summaries: slow },
  ]);
  assert.match(text, /tokens\/s +8\.00 \+-1\.0 % +2\.00 \+-1\.0 % \(-75\.0 % lower\)/);
  assert.match(text, /unique model bytes +100 MiB \+-0\.0 % +100 MiB \+-0\.0 % \(same\)/);
  assert.match(text, /repeats +3 +3/);
});
