import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelBuffers, packedBytes } from '../../../src/workload/model-buffers.js';
import { judgeWeights } from '../../../src/workload/weights.js';

const MiB = 2 ** 20;

test('buffers as builds since 2023 log them, each name once', () => {
  assert.deepEqual(
    modelBuffers(`
0.00.074.076 I load_tensors:          AMX model buffer size =     4.50 MiB
0.00.074.098 I load_tensors:   CPU_Mapped model buffer size =     0.25 MiB
0.00.074.099 I load_tensors:   CPU_Mapped model buffer size =     0.50 MiB
0.00.091.409 I llama_kv_cache:        CPU KV buffer size =     4.00 MiB`),
    { AMX: 4.5 * MiB, CPU_Mapped: 0.75 * MiB },
  );
  assert.deepEqual(modelBuffers('llm_load_tensors:        CPU buffer size =  3647.00 MiB'), {
    CPU: 3647 * MiB,
  });
  assert.deepEqual(modelBuffers('llm_load_tensors:        CPU buffer size =  3,50 MiB'), { CPU: 3.5 * MiB });
  assert.equal(modelBuffers('eval time = 3 ms'), null);
});

test('what is in a layout for the CPU was copied, however little memory was seen', () => {
  const of = (name: string) => packedBytes({ [name]: 600 * MiB, CPU_Mapped: 900 * MiB });
  for (const name of ['AMX', 'CPU_REPACK', 'CPU_AARCH64', 'CPU_KLEIDIAI'])
    assert.equal(of(name), 600 * MiB, name);
  for (const name of ['CPU', 'CUDA0', 'Vulkan0', 'CPU_Mapped2']) assert.equal(of(name), 0, name);
  const seen = { modelBytes: 1000 * MiB, mappedBytes: 1000 * MiB, anonBytes: 10 * MiB };
  assert.equal(judgeWeights({ ...seen, packedBytes: 600 * MiB }), 'copied');
  assert.equal(judgeWeights({ ...seen, packedBytes: 0 }), 'mapped');
});
