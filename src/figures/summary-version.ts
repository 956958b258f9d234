/** Adding a nullable key to summary.json keeps its schema's number; changing what a key means raises it. */
export const summarySchemaVersion = 1;
