import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { native } from '../../../src/native/binding.js';
import { schemaSql, storedTables, tables } from '../../../src/store/schema.js';
import { viewList, views, viewsSql } from '../../../src/store/views.js';

test('every table and view has the columns that are declared of it, in their order', async () => {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`${schemaSql(native.actionNames, native.directionNames)} ${viewsSql}`);
  for (const [name, { columns }] of Object.entries({ ...storedTables, ...viewList })) {
    const described = await connection.runAndReadAll(`DESCRIBE ${name}`);
    assert.deepEqual(
      described.getRows().map(([column]) => column),
      Object.keys(columns),
      name,
    );
  }
  const known = new Set([...Object.keys(storedTables), ...Object.keys(viewList)]);
  assert.deepEqual(
    [...tables, ...views].filter((name) => !known.has(name)),
    [],
  );
  connection.closeSync();
  instance.closeSync();
});
