import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainScreen } from '../../../src/report/screen.js';
import { layOut } from '../../../src/report/table.js';

test('names stand above their lines at each width, also where their head alone is too long for the columns', () => {
  const rows = [
    ['tensor', 'type', 'offset'],
    ['blk.0.ffn_gate_exps.weight', 'Q8_0', '1088391168000'],
    ['blk.1.ffn_gate_exps.weight', 'Q8_0', '1188391168000'],
  ];
  for (let columns = 10; columns < 60; columns++) {
    const text = layOut(rows, { style: plainScreen.style, columns, gap: 2, longNames: 'above' });
    for (const name of ['blk.0.ffn_gate_exps.weight', 'blk.1.ffn_gate_exps.weight'])
      assert.ok(text.includes(name), `${columns}: ${text}`);
    assert.equal(text.split('1188391168000').length, 2, `${columns}: ${text}`);
  }
});
