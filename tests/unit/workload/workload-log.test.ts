import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorLineOf } from '../../../src/workload/workload-log.js';

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
