import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireTracing } from '../../../src/experiment/requirements.js';

test('a source is refused where what it reads from is not mounted, by name', () => {
  const only = (mounted: string) => (type: string) => type === mounted;
  assert.throws(() => requireTracing({}, only('none')), { code: 'NO_TRACEFS', kind: 'unsupported' });
  assert.throws(() => requireTracing({ source: 'relay' }, only('tracefs')), { code: 'NO_DEBUGFS' });
  assert.throws(
    () => requireTracing({ source: 'ftrace' }, only('debugfs')),
    /tracefs is not mounted: mount -t tracefs/,
  );
  requireTracing({}, only('debugfs'));
  requireTracing({ source: 'ftrace' }, only('tracefs'));
  requireTracing({ source: 'relay', mount: true }, only('none'));
});
