/**
 * Where a program says that it put its weights, bytes by the name of the buffer, as llama.cpp logs them where it is asked for
 * that much (`-lv 4`, the embedded engine, builds before 2026):
 *
 *     load_tensors:   CPU_Mapped model buffer size =    87.25 MiB      pages of the file
 *     load_tensors:   CPU_REPACK model buffer size =   560.00 MiB      a layout for the CPU
 *     llm_load_tensors:        CPU buffer size =  3647.87 MiB          in 2024, mapped or not
 *
 * null: it says nothing.
 */
export function modelBuffers(output: string): Record<string, number> | null {
  const buffers: Record<string, number> = {};
  for (const [, name = '', mib = ''] of output.matchAll(line))
    buffers[name] = (buffers[name] ?? 0) + Math.round(Number(mib.replace(',', '.')) * 2 ** 20);
  return Object.keys(buffers).length === 0 ? null : buffers;
}

const line = /load_tensors:\s+([\w.-]+)\s+(?:model )?buffer size\s*=\s*([\d.,]+) MiB/g;

/** Layouts that are copies for sure, whatever else the program does. */
const layoutNames = /^(?:AMX|CPU_(?:REPACK|AARCH64|KLEIDIAI|HBM|SPACEMIT)\w*)$/i;

/** How much of that is in layouts for the CPU. */
export function packedBytes(buffers: Record<string, number>): number {
  return Object.entries(buffers).reduce(
    (sum, [name, bytes]) => sum + (layoutNames.test(name) ? bytes : 0),
    0,
  );
}
