import assert from 'node:assert/strict';
import { test } from 'node:test';
import { perSecond } from '../../../src/figures/seconds.js';
import { renderComparison } from '../../../src/report/compare.js';
import { change, percent } from '../../../src/report/format.js';
import { renderRegions } from '../../../src/report/regions-section.js';
import { sparkline } from '../../../src/report/sparkline.js';
import { styleFor } from '../../../src/report/style.js';
import { renderReport } from '../../../src/report/terminal.js';
import { lossyFixture, phaseFixture, summaryFixture } from '../figures/summary-fixture.js';

test('the report gives a verdict in plain words first, then at most 40 lines of figures, in 80 columns', () => {
  const text = renderReport(summaryFixture(6), { title: 'runs/tiny' });
  const lines = text.split('\n');
  assert.match(lines[0] as string, /runs\/tiny/);
  assert.match(text, /600 MiB were read: 100\.0 % of the model \(100 MiB\), each byte 6\.00 times\./);
  assert.match(
    text,
    /The trace is complete: 9,600 events were traced and none lost, as the disk's\s+own counters confirm/,
  );
  assert.match(text, /600 MiB {2}4,800 reads, 75\.0 MiB per token/);
  assert.match(text, /99\.9 % +0\.0 % +0\.0 % +0\.0 % +0\.1 %/);
  const afterVerdict = lines.slice(lines.findIndex((line) => line.startsWith(' llama-cli, memory limit')));
  assert.ok(afterVerdict.length <= 42, `${afterVerdict.length} lines`);
  for (const line of lines) assert.ok(line.length <= 80, `${line.length}: ${line}`);
  assert.ok(!text.includes('\x1b'));
  assert.ok(!/null|undefined|NaN/.test(text), text);
});

test('all sections, or one of them', () => {
  const all = renderReport(summaryFixture(6), { all: true });
  assert.match(all, /1,228,800 {2}read sectors traced\n +1,228,800 {2}counted by vda itself/);
  assert.match(all, /mapped {2}weights/);
  assert.match(all, /75\.0 MiB {2}per generated token/);
  const one = renderReport(summaryFixture(6), { only: ['workload'] });
  assert.match(one, /^ Workload {2}llama-cli\n/);
  assert.ok(all.includes(one.trim()));
  assert.throws(
    () => renderReport(summaryFixture(), { only: ['toString'] }),
    /no section 'toString'; there are /,
  );
});

test('a run that lost events says so in its first line and gives lower bounds only', () => {
  const text = renderReport(lossyFixture(), { all: true });
  assert.match(text, /^ INCOMPLETE: .*lower bound/);
  assert.match(text, /dropped 12 events/);
  assert.match(text, /12 events missing between \S+ \S+ and \S+ \S+ on CPU 1 \(kernel\)/);
  assert.match(text, />= 100\.0 % {2}coverage/);
  assert.match(text, /at least 100\.0 % of\s+the model/);
});

test('I/O that failed is told with the verdict', () => {
  const summary = summaryFixture(6);
  summary.reads.errors = 2210;
  summary.writes.errors = 1;
  assert.match(renderReport(summary), /^ FAILED: 2,210 reads and 1 write of all programs;/m);
  assert.doesNotMatch(renderReport(summaryFixture(6)), /FAILED/);
});

test('every stage of latency that the trace has is told, in the order of life, and none that it has not', () => {
  const at = (mean: number) => ({
    count: 7,
    min: 1,
    mean,
    p50: mean,
    p90: mean,
    p99: mean,
    p999: mean,
    max: mean,
  });
  const text = renderReport(
    summaryFixture(1, (s) => {
      s.latency = {
        q2c: at(9000),
        q2d: at(4000),
        d2c: at(5000),
        q2g: at(1000),
        g2i: null,
        i2d: at(3000),
        q2m: null,
      };
    }),
    { only: ['latency'] },
  );
  const stages = [...text.matchAll(/^ +(\w2\w) .*? (\S+) us .* 7$/gm)].map(([, stage, mean]) => [
    stage,
    mean,
  ]);
  assert.deepEqual(stages, [
    ['Q2G', '1.00'],
    ['I2D', '3.00'],
    ['Q2D', '4.00'],
    ['D2C', '5.00'],
    ['Q2C', '9.00'],
  ]);
});

test('weights that were copied are explained', () => {
  const text = renderReport(
    summaryFixture(1, (s) => {
      if (s.workload) s.workload.weights = 'copied';
    }),
    { only: ['workload'] },
  );
  assert.match(text, /--no-repack/);
});

test('a recording without a model reports the device', () => {
  const text = renderReport(
    summaryFixture(2, (s) => {
      s.model = null;
      s.workload = null;
    }),
  );
  assert.match(text, /200 MiB were read, 100 MiB of it different, each byte 2\.00 times/);
  assert.ok(!text.includes('coverage'));
});

test('two runs side by side, with the change', () => {
  const text = renderComparison([
    { name: 'enough', summary: summaryFixture(1, (s) => (s.memory.mode = 'none')) },
    { name: 'short', summary: summaryFixture(6) },
  ]);
  assert.match(text, /enough +short +change/);
  assert.match(text, /memory +not limited +limit 85\.0 MiB/);
  assert.match(text, /re-read factor +1\.00 x +6\.00 x +x 6\.00/);
  assert.match(text, /unique model bytes +100 MiB +100 MiB +same/);
  assert.match(text, /tokens\/s +8\.00 +1\.33 +-83\.3 %/);
});

test('three runs, each with its change from the first', () => {
  const runs = [1, 2, 4].map((times) => ({ name: `run${times}`, summary: summaryFixture(times) }));
  assert.match(renderComparison(runs), /model bytes read +100 MiB +200 MiB \(x 2\.00\) +400 MiB \(x 4\.00\)/);
});

test('shares are never rounded to all or nothing', () => {
  assert.equal(percent(1), '100.0 %');
  assert.equal(percent(0.99999), '99.9 %');
  assert.equal(percent(0.00001), '<0.1 %');
  assert.equal(percent(0), '0.0 %');
});

test('changes read well in both directions', () => {
  assert.equal(change(100, 100), 'same');
  assert.equal(change(100, 150), '+50.0 %');
  assert.equal(change(100, 40), '-60.0 %');
  assert.equal(change(100, 599), 'x 5.99');
  assert.equal(change(0, 5), 'from 0');
});

test('buckets add up to seconds, empty ones included', () => {
  assert.deepEqual(perSecond([1, 2, 3, 4, 5], 5e8), [3, 7, 5]);
  assert.deepEqual(perSecond([1, 0, 0, 2], 1e9), [1, 0, 0, 2]);
  assert.deepEqual(perSecond([], 1e9), []);
});

test('a sparkline shows peak, zero and the mean of what it merges', () => {
  assert.equal(sparkline([0, 1, 8], 10), ' ▂█');
  assert.equal(sparkline([8, 8, 0, 0], 2), '█ ');
  assert.equal(sparkline([0, 0], 10), '  ');
});

test('colours on a terminal only, and never against NO_COLOR', () => {
  assert.notEqual(styleFor({ isTTY: true }, 'auto', {}).bold('x'), 'x');
  assert.equal(styleFor({ isTTY: true }, 'auto', { NO_COLOR: '1' }).bold('x'), 'x');
  assert.equal(styleFor({}, 'auto', {}).bold('x'), 'x');
  assert.notEqual(styleFor({}, 'always', { NO_COLOR: '1' }).bold('x'), 'x');
  assert.equal(styleFor({ isTTY: true }, 'never', {}).bold('x'), 'x');
});

test('regions and phases: what was read most, what never, in 80 columns', () => {
  const MiB = 2 ** 20;
  const row = (name: string, bytes: number, times: number) => ({
    name,
    bytes,
    uniqueBytes: times > 0 ? bytes : 0,
    coverage: times > 0 ? 1 : 0,
    readBytes: bytes * times,
    reReadFactor: times > 0 ? times : null,
    reads: 10 * times,
    generationBytes: bytes * times,
    bytesPerToken: (bytes * times) / 8,
    firstNs: times > 0 ? 1 : null,
    lastNs: times > 0 ? 2 : null,
  });
  const summary = summaryFixture(3, (s) => {
    if (!s.model) return;
    s.model.roles = [row('attention', 40 * MiB, 2), row('output', 60 * MiB, 0)];
    s.model.layers = [row('layer 0', 30 * MiB, 1), row('layer 1', 10 * MiB, 5)];
    s.model.tensors = [row('blk.0.attn_q.weight', 40 * MiB, 2), row('output.weight', 60 * MiB, 0)];
    s.model.neverRead = [{ name: 'output.weight', bytes: 60 * MiB }];
    const generation = phaseFixture(1, (part) => {
      Object.assign(part, { startNs: 1, endNs: 2e9 + 1, tokens: 8 });
      part.reads = { count: 20, bytes: 80 * MiB, uniqueSectors: (40 * MiB) / 512, errors: 0 };
      part.model = { bytes: 100 * MiB, reads: 20, readBytes: 80 * MiB, uniqueBytes: 40 * MiB };
      part.gaps.device = { sequential: 3, small: 0, medium: 0, large: 0, backward: 1 };
    });
    s.phases = { load: null, prompt: null, generation };
  });
  const text = renderReport(summary, { all: true });
  assert.match(
    text,
    /generation +2\.00 s +80\.0 MiB +40\.0 % +2\.00 x +75\.0 % +100\.0 %[\s\S]*generation +40\.0 MiB\/s +10\.0 MiB/,
  );
  assert.match(text, /attention +40\.0 MiB +100\.0 % +80\.0 MiB +2\.00 x +20 +10\.0 MiB/);
  assert.ok(text.indexOf('layer 1') < text.indexOf('layer 0'), 'the hottest first');
  assert.match(text, /60\.0 MiB {2}output\.weight/);
  for (const line of text.split('\n')) assert.ok(line.length <= 80, `${line.length}: ${line}`);
  const tables = renderRegions(summary);
  assert.match(tables, /^tensors:\n.*\n {2}blk\.0\.attn_q\.weight/m);
  assert.match(tables, /never read:\n +60\.0 MiB {2}output\.weight/);
  assert.equal(renderRegions(summaryFixture()), '');
});

test('of a plain file what is cached after is not called the model', () => {
  const text = renderReport(
    summaryFixture(1, (s) => {
      if (s.model) s.model.files = ['/data/table.bin'];
      s.memory.modelCachedBefore = 0;
      s.memory.modelCachedAfter = 4096;
    }),
  );
  assert.match(text, /Of the file cached at the end/);
});

test('what is told of several models together is not said of one', () => {
  const text = renderReport(
    summaryFixture(1, (s) => {
      assert.ok(s.model);
      s.otherModels = [{ ...s.model, files: ['/data/draft.gguf'], bytes: s.model.bytes * 3, readBytes: 0 }];
      s.memory.modelCachedAfter = s.model.bytes * 2;
      Object.assign(s.memory, { totalBytes: 2 ** 34, limitBytes: null, majorFaults: 1, refaultedPages: 9 });
    }),
  );
  assert.match(text, /not from the models/);
  const filled = /Of the models cached at the end .*? (█+)/.exec(text)?.[1]?.length ?? 0;
  const whole = /Read at least once .*? (█+)/.exec(text)?.[1]?.length ?? 0;
  assert.ok(filled > 0 && filled <= Math.max(whole, 15), `${filled} of ${whole}`);
  assert.match(text, /Pages that the machine read again +9$/m);
});

test('a comparison says why nothing is told of the weights of a small model', () => {
  const small = summaryFixture(1, (s) => {
    if (s.workload) s.workload.weights = null;
    if (s.model) s.model.bytes = 2 ** 26 - 1;
  });
  assert.match(renderComparison([{ name: 'a', summary: small }]), /weights +too small to tell/);
});
