/** What a run can be exported as; `perfetto` is the Chrome trace format. */
export const exportFormats = ['duckdb', 'parquet', 'csv', 'jsonl', 'perfetto', 'blktrace'] as const;

/** A format of `exportRun`. */
export type ExportFormat = (typeof exportFormats)[number];
