import { summarySchemaVersion } from './summary-version.js';

type Json = Record<string, unknown>;

/** A summary of any schema that is read, in the form of this one. The schema itself checks what comes out. */
export function upgraded(summary: Json): Json {
  return summary.schema === 1 ? ofSchema1(summary) : summary;
}

function ofSchema1(summary: Json): Json {
  const integrity = (summary.integrity ?? {}) as Json;
  return {
    ...summary,
    schema: summarySchemaVersion,
    integrity: { ...integrity, defects: toldDefects(integrity) },
  };
}

/** Causes were sentences alone, with what mends them. */
function toldDefects({ defects, complete }: Json): unknown {
  if (!Array.isArray(defects)) return defects;
  const messages = complete === false && defects.length === 0 ? ['events were lost'] : defects;
  return messages.map((message) => ({ code: 'EARLIER', message, mend: null, lowerBounds: true }));
}
