import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { actionNames, deviceName, directionNames } from '../../../src/capture/names.js';
import { native } from '../../../src/native/binding.js';

test('names are those of the native part, in its order', () => {
  assert.deepEqual([...actionNames], native.actionNames);
  assert.deepEqual([...directionNames], native.directionNames);
});

test("a device has this machine's name by its number, and its numbers where it is not here", () => {
  const devices = readdirSync('/sys/class/block');
  for (const name of devices) {
    const [major, minor] = readFileSync(`/sys/class/block/${name}/dev`, 'utf8').split(':').map(Number);
    assert.equal(deviceName(((major as number) << 20) | (minor as number)), name);
  }
  assert.equal(deviceName((4000 << 20) | 7), '4000:7');
  assert.equal(deviceName(((4095 << 20) | 7) >>> 0), '4095:7');
});
