/** The oldest schema that is read; see older-summary.ts. */
export const oldestSummarySchema = 1;

/** Adding a nullable key to summary.json keeps its schema's number; changing what a key means raises it. */
export const summarySchemaVersion = 2;
