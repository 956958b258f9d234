import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Summary } from '../../../src/figures/summary-schema.js';
import { renderGroups } from '../../../src/report/compare-groups.js';
import { plainScreen } from '../../../src/report/screen.js';
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

const three = (times: number, change: (summary: Summary) => void = () => {}) =>
  [1, 1.01, 0.99].map((f) =>
    summaryFixture(times, (summary) => {
      if (summary.workload) summary.workload.tokensPerSecond = (8 * f) / times;
      change(summary);
    }),
  );

const wide = { screen: { ...plainScreen, columns: 400 } };

test('what is the same is told once, what differs before what it changes; coverage in generation is a row', () => {
  const limited = (bytes: number) => (summary: Summary) => {
    summary.memory.limitBytes = bytes;
  };
  const text = renderGroups(
    [
      { name: 'more', summaries: three(1, limited(2 ** 30)) },
      { name: 'less', summaries: three(2, limited(2 ** 29)) },
    ],
    wide,
  );
  assert.match(text, /The same in all: model tiny\.gguf, 100 MiB; .*engine llama-cli/);
  assert.match(text, /memory +limit 1\.00 GiB +limit 512 MiB/);
  assert.doesNotMatch(text, /\n readahead /);
  assert.match(text, /tokens\/s .*-50\.0 % lower/);
  assert.ok(text.indexOf('limit 1.00 GiB') < text.indexOf('tokens/s'));
});

test('no verdict on groups that differ in more than what was varied, nor on the speed of one that others disturbed', () => {
  const two = (summary: Summary) => {
    summary.memory.limitBytes = 2 ** 29;
    summary.memory.readAheadKib = 4096;
  };
  const groups = [
    { name: 'a', summaries: three(1) },
    { name: 'b', summaries: three(2, two) },
  ];
  const told = renderGroups(groups, wide);
  assert.match(told, /b differs from a in memory, readahead: no figure's change can be laid to one of them/);
  assert.match(told, /tokens\/s .*-50\.0 % !/);
  assert.match(
    renderGroups(groups, { ...wide, varied: ['memory', 'readahead'] }),
    /tokens\/s .*-50\.0 % lower/,
  );
  assert.match(renderGroups(groups, { ...wide, varied: ['memory'] }), /b differs from a in readahead:/);

  const [one, ...quiet] = three(2);
  const busy = {
    ...(one as Summary),
    contention: {
      ...{
        cpus: 2,
        cpuDelayNs: 1e9,
        cpuStallNs: 0,
        stealNs: 0,
        workloadCpuNs: 2e9,
        kernelCpuNs: 0,
        otherCpuNs: 2e9,
      },
      ...{ involuntarySwitches: 3, otherReadBytes: 0, otherMemoryBytes: 0 },
    },
  };
  const disturbed = renderGroups(
    [
      { name: 'a', summaries: three(1) },
      { name: 'b', summaries: [...quiet, busy] },
    ],
    wide,
  );
  assert.match(disturbed, /CONTENDED: b, repeat 3: a thread of the workload waited/);
  assert.match(disturbed, /others took +- +- \| CPU/);
  assert.match(disturbed, /tokens\/s .*-50\.0 % !/);
  assert.match(disturbed, /model bytes read .*x 2\.00 higher/);

  const mixed = [three(1)[0], three(1, two)[1], three(1)[2]] as Summary[];
  assert.match(
    renderGroups([{ name: 'a', summaries: mixed }], wide),
    /a is no group of repeats: its runs differ in/,
  );
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
