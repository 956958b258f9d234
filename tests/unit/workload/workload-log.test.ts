import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { errorLineOf, WorkloadLog } from '../../../src/workload/workload-log.js';

const progress = '0.00.056.360 I llama_completion: load the model and apply lora adapter, if any';

test('the first complaint says why a workload failed, wherever it stands', () => {
  const log = ['$ llama', '0.00.060.000 E gguf: invalid magic', progress].join('\n');
  assert.equal(errorLineOf(log, null), 'gguf: invalid magic');
});

test('a line of progress is no reason, any other last line is', () => {
  assert.equal(errorLineOf(['$ llama', progress].join('\n'), null), null);
  assert.equal(errorLineOf(['$ program', 'gave up'].join('\n'), null), 'gave up');
  assert.equal(errorLineOf(['$ program', 'in mid-sen'].join('\n'), 'SIGKILL'), null);
});

test('a log keeps so much, hands all on, or keeps nothing; what it ends with is known in each case', () => {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-log-'));
  const passed: string[] = [];
  const print = (name: string, options: ConstructorParameters<typeof WorkloadLog>[2]) => {
    const path = join(folder, name);
    const log = new WorkloadLog(path, ['cat', 'a file'], options);
    log.append('stdout', Buffer.from('x'.repeat(1000)));
    log.append('stderr', Buffer.from('eval time = 1 ms\n'));
    assert.match(log.tail(), /x{1000}eval time = 1 ms/);
    log.close();
    return { text: readFileSync(path, 'utf8'), leftOut: log.leftOutBytes };
  };
  const whole = print('whole', {});
  assert.equal(whole.text, `$ cat 'a file'\n${'x'.repeat(1000)}eval time = 1 ms\n`);
  const bounded = print('bounded', { most: 100 });
  assert.equal(bounded.leftOut, 1000 + 17 - (100 - "$ cat 'a file'\n".length));
  assert.match(bounded.text, /the log is full, 932 more bytes were left out/);
  assert.deepEqual(print('none', { sink: 'none' }), { text: "$ cat 'a file'\n", leftOut: 0 });
  const sink = (stream: string, bytes: Buffer) => passed.push(`${stream} ${bytes.length}`);
  assert.deepEqual(print('passed', { sink }), { text: "$ cat 'a file'\n", leftOut: 0 });
  assert.deepEqual(passed, ['stdout 1000', 'stderr 17']);
  rmSync(folder, { recursive: true });
});
